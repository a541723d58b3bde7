// Above 300 lines because the order of a call (cut, inputs, cache, wraps, maps) is one story with one state; what
// that state is stands in processor_state.h.
#include "attention/processor.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>

#include "attention/explicit_attention.h"
#include "attention/frame_map_form.h"
#include "attention/fused_attention.h"
#include "attention/key_values.h"
#include "attention/ops/frame/frame_attention.h"
#include "attention/processing/processor_state.h"
#include "attention/processing/row_by_row.h"

namespace reel::attention {
namespace {

/// An empty result for queries q, laid out so that merging its heads is a view: frames outermost if they lie so
/// in q.
at::Tensor empty_result(const at::Tensor& q, int64_t width) {
  const int64_t rows = q.size(0), groups = q.size(1), heads = q.size(2), n = q.size(3);
  if (q.stride(3) >= q.stride(1))
    return at::empty({rows, n, groups, heads, width}, q.options()).permute({0, 2, 3, 1, 4});
  return at::empty({rows, groups, n, heads, width}, q.options()).permute({0, 1, 3, 2, 4});
}

/// The chosen rows of a tensor whose first dimension is rows, or one for all.
at::Tensor take_rows(const at::Tensor& t, const Indices& rows) {
  if (rows.empty() || t.size(0) == 1) return t;
  return t.index_select(0, at::tensor(rows, at::TensorOptions(at::kLong).device(t.device())));
}

}  // namespace

Processor::Processor(const EditPlan& plan, int64_t map_bytes, MapForm form)
    : Processor(plan, map_bytes, form, /*observers_beside=*/true) {}

Processor::Processor(const EditPlan& plan, int64_t map_bytes, MapForm form, bool observers_beside)
    : map_bytes_(map_bytes), form_(form) {
  EditPlan before;  // the rules so far that change something
  for (const EditRule& rule : plan) {
    auto active = std::make_shared<Active>();
    active->rule = rule;
    active->edit = rule.make();
    if (!active->edit->hooks().observes) {
      before.push_back(rule);
    } else if (observers_beside) {
      auto observer = std::make_unique<Observer>(before, rule, map_bytes, form);
      active->observer = observer.get(), active->edit = std::move(observer);
    }
    active->hooks = active->edit->hooks();
    active->report.edit = rule.text;
    edits_.push_back(std::move(active));
  }
}

Processor::~Processor() = default;

void Processor::begin_step(const Step& step) {
  for (const auto& active : edits_) active->edit->begin_step(step);
}
void Processor::begin(const Sequence& sequence) {
  for (const auto& active : edits_) active->edit->begin(sequence);
}
void Processor::fork(const Sequence& from, const Sequence& to) {
  for (const auto& active : edits_) active->edit->fork(from, to);
}
void Processor::end(const Sequence& sequence) {
  for (const auto& active : edits_) active->edit->end(sequence);
}
void Processor::finish() {
  for (const auto& active : edits_) active->edit->finish();
}
bool Processor::capturable() const {
  return std::all_of(edits_.begin(), edits_.end(),
                     [](const auto& active) { return active->hooks.capturable; });
}

Processor::AtSite& Processor::at_site(const Site& site) {
  const auto number = static_cast<size_t>(site.block);
  if (number >= sites_.size()) sites_.resize(number + 1);
  for (const auto& known : sites_[number]) {
    if (known->path == site.path) return *known;
  }
  auto here = std::make_unique<AtSite>();
  here->path = site.path;
  for (const auto& active : edits_) {
    if (active->observer || !active->rule.where.matches(site) || !active->edit->applies_to(site)) continue;
    here->matches.push_back({active.get(), active->rule.where.heads_of(site)});
    active->report.sites.push_back(site.path);
  }
  sites_[number].push_back(std::move(here));
  return *sites_[number].back();
}

/// An edit that wraps attention of some rows or heads has the rest computed apart from them. Refuses that to edits
/// within which relate the two to one another. The claims are those of the matches, on all of a call.
void Processor::refuse_splits(const Site& site, const std::vector<Claim>& claims, const Matches& matches) {
  // Whether some of the first are among the second, and some are not; an empty list is all.
  const auto cut = [](const Indices& some, const Indices& by) {
    if (by.empty()) return false;
    const auto among = [&](int64_t i) { return std::binary_search(by.begin(), by.end(), i); };
    return some.empty() ||
           (std::any_of(some.begin(), some.end(), among) && !std::all_of(some.begin(), some.end(), among));
  };
  const auto apart = [](const Indices& some, const Indices& others) {
    return !some.empty() && !others.empty() && std::none_of(some.begin(), some.end(), [&](int64_t i) {
      return std::binary_search(others.begin(), others.end(), i);
    });
  };
  for (size_t outer = 0; outer < matches.size(); ++outer) {
    if (!matches[outer]->active->wraps()) continue;
    for (size_t inner = 0; inner < matches.size(); ++inner) {
      const Active& active = *matches[inner]->active;
      const bool within = active.needs_map() || (active.wraps() && inner > outer);
      const bool rows = active.hooks.relates_rows && cut(claims[inner].rows, claims[outer].rows),
                 heads = active.hooks.relates_heads && cut(claims[inner].heads, claims[outer].heads) &&
                         !apart(claims[inner].rows, claims[outer].rows);
      if (inner == outer || !within || (!rows && !heads)) continue;
      throw std::invalid_argument("[attention] at " + site.path + " '" + matches[outer]->active->rule.text +
                                  "' wraps attention of some " + (rows ? "rows" : "heads") + " that '" +
                                  active.rule.text + "' relates to others; give both the same selector");
    }
  }
}

/// Finds the parts of a call; false if no edit acts on it.
bool Processor::find_parts(AtSite& here, const Call& call) {
  if (here.matches.empty()) return false;
  std::vector<bool> acting, conditional;
  for (const Match& match : here.matches)
    acting.push_back(match.active->rule.where.matches(call.step) &&
                     match.active->edit->applies_at(call.step));
  for (const Row& row : call.rows) conditional.push_back(row.conditional);
  const int64_t rows = call.q.size(0);
  for (const AtSite::Seen& seen : here.seen) {
    if (seen.rows == rows && seen.acting == acting && seen.conditional == conditional) {
      here.present = &seen;
      return !seen.parts.empty();
    }
  }
  AtSite::Seen seen{std::move(acting), std::move(conditional), rows, {}, {}};
  std::vector<Claim> claims;
  for (size_t i = 0; i < here.matches.size(); ++i) {
    Match& match = here.matches[i];
    const Match::Chosen chosen = match.choose(call);
    if (!seen.acting[i] || chosen.none) continue;
    seen.matches.push_back(&match);
    claims.push_back({chosen.rows, chosen.heads, match.active->keeps_together()});
  }
  refuse_splits(call.site, claims, seen.matches);
  if (!claims.empty()) {
    for (Part& part : parts_of(rows, call.q.size(2), claims)) {
      Matches of_part;
      for (const size_t claim : part.acting) of_part.push_back(seen.matches[claim]);
      AtSite::SeenPart& seen_part = seen.parts.emplace_back();
      seen_part.part = std::move(part), seen_part.matches = std::move(of_part);
      // Kernels take heads that share a key head together, and round otherwise if they get some of them. A part
      // without an edit computes the others too, so that its heads keep the bits of an unedited run.
      const Indices& own = seen_part.part.heads;
      seen_part.computed =
          seen_part.matches.empty() ? in_groups(own, call.q.size(2), heads_per_key(call)) : own;
      if (seen_part.computed != own) seen_part.kept = places_in(seen_part.computed, own);
    }
  }
  here.seen.push_back(std::move(seen));
  here.present = &here.seen.back();
  return !here.present->parts.empty();
}

bool Processor::acts_on(const Call& call) { return find_parts(at_site(call.site), call); }

at::Tensor Processor::attend(Call call) {
  for (const auto& active : edits_)
    if (active->observer) active->observer->show(call);
  AtSite* here = edits_.empty() ? nullptr : &at_site(call.site);
  if (!here || !find_parts(*here, call)) {
    if (call.cache) return cached_attention(std::move(call));
    place_keys(call);
    return fused_attention(with_rotary(std::move(call))).out;
  }
  call.scale = scale_of(call);  // a number that edits can multiply
  for (const Match* match : here->present->matches) {
    ++match->active->report.calls;
    if (match->active->report.path.empty()) match->active->report.path = "fused";
  }
  std::vector<Working> parts;
  for (const AtSite::SeenPart& seen : here->present->parts) {
    std::unique_ptr<NarrowCall> narrowed;
    if (!seen.part.all())
      narrowed = std::make_unique<NarrowCall>(call, Selection(seen.part.rows, seen.computed));
    Call* of_part = narrowed ? &narrowed->call() : &call;
    parts.push_back({&seen, std::move(narrowed), of_part});
  }
  prepare(parts, call);
  if (parts.size() == 1) return run(*parts[0].call, parts[0].seen->matches).out;
  at::Tensor result = empty_result(call.q, call.v.size(4));
  for (const Working& working : parts) {
    const AtSite::SeenPart& seen = *working.seen;
    const at::Tensor out = run(*working.call, seen.matches).out;
    const Indices all_rows;
    Selection(seen.part.rows, seen.part.heads).put(result, Selection(all_rows, seen.kept).take(out));
  }
  return result;
}

/// Runs `on_inputs`, turns keys to their positions and caches them.
void Processor::prepare(std::vector<Working>& parts, const Call& whole) {
  if (!whole.cache) {
    for (Working& working : parts)
      change_inputs(*working.call, working.seen->matches), place_keys(*working.call);
    return;
  }
  at::Tensor k, v;  // of the whole call
  const auto keys_of = [](Call call) {
    place_keys(call);
    return std::pair(turned_keys(call), call.v);
  };
  if (parts.size() > 1) std::tie(k, v) = keys_of(whole);
  const int64_t shared = heads_per_key(whole);
  bool ours = false;  // whether k and v may be written
  for (Working& working : parts) {
    Call& call = *working.call;
    const at::Tensor given[] = {call.k, call.v, call.positions, call.key_positions};
    const Rotary* given_rotary = call.rotary;
    change_inputs(call, working.seen->matches);
    if (parts.size() == 1) {
      std::tie(k, v) = keys_of(call);
      continue;
    }
    if (call.k.is_same(given[0]) && call.v.is_same(given[1]) && call.positions.is_same(given[2]) &&
        call.key_positions.is_same(given[3]) && call.rotary == given_rotary)
      continue;
    const auto [part_k, part_v] = keys_of(call);
    const Indices& heads = working.seen->part.heads;
    Indices key_heads;
    for (const int64_t head : heads) {
      if (head % shared == 0) key_heads.push_back(head / shared);
    }
    const Selection of_keys(working.seen->part.rows, key_heads);
    if (!whole_groups(heads, shared) || of_keys.take(k).sizes() != part_k.sizes())
      refuse_shared_keys(whole, "changes its keys");
    if (!ours) k = k.clone(), v = v.clone(), ours = true;
    of_keys.put(k, part_k), of_keys.put(v, part_v);
  }
  Call cached = whole;
  const int64_t added = k.size(3);
  const bool ragged = take_from_cache(cached, k, v);
  for (Working& working : parts) {
    Call& call = *working.call;
    const Selection selection(working.seen->part.rows, working.seen->computed);
    call.k = selection.take_keys(cached.k, shared), call.v = selection.take_keys(cached.v, shared);
    call.cache = nullptr, call.key_positions.reset();
    if (!ragged) continue;
    call.visible.key_lengths = take_rows(cached.visible.key_lengths, selection.rows());
    if (call.visible.causal) call.visible.own_key = call.visible.key_lengths.flatten() - added;
  }
}

void Processor::change_inputs(Call& call, const Matches& matches) {
  for (const Match* match : matches) {
    if (!match->active->hooks.inputs) continue;
    const Match::Chosen chosen = match->choose(call);
    const Selection selection(chosen.rows, chosen.heads);
    if (selection.all()) {
      match->active->edit->on_inputs(call);
      continue;
    }
    NarrowCall narrowed(call, selection);
    const Call before = narrowed.call();
    match->active->edit->on_inputs(narrowed.call());
    put_inputs(call, selection, before, narrowed.call());
  }
}

/// Attention of one part: wrapping edits, the first outermost, around its map.
Partial Processor::run(Call& call, const Matches& matches) {
  Attend compute = [&](Call& inner) { return with_maps(with_rotary(inner), matches); };
  for (auto it = matches.rbegin(); it != matches.rend(); ++it) {
    const Match* match = *it;
    if (!match->active->wraps()) continue;
    compute = [match, next = compute](Call& outer) {
      Edit& edit = *match->active->edit;
      const Match::Chosen chosen = match->choose(outer);
      if (chosen.none) return next(outer);
      if (chosen.rows.empty() && chosen.heads.empty()) return edit.attend(outer, next);
      // Another edit keeps more rows or heads together than this one wraps: the others go around it.
      const Claim claim{chosen.rows, chosen.heads};
      Partial result;
      for (const Part& part : parts_of(outer.q.size(0), outer.q.size(2), {&claim, 1})) {
        const Selection selection(part.rows, part.heads);
        NarrowCall narrowed(outer, selection);
        const Partial of_part =
            part.acting.empty() ? next(narrowed.call()) : edit.attend(narrowed.call(), next);
        if (!result.out.defined()) result.out = empty_result(outer.q, of_part.out.size(4));
        selection.put(result.out, of_part.out);
        if (!of_part.lse.defined()) continue;
        if (!result.lse.defined()) result.lse = at::empty(outer.q.sizes().slice(0, 4), of_part.lse.options());
        selection.put(result.lse, of_part.lse);
      }
      return result;
    };
  }
  return compute(call);
}

Partial Processor::with_maps(const Call& call, const Matches& matches) {
  Matches of_maps;
  bool whole = true;  // whether each of them sees all of the call
  for (Match* match : matches) {
    if (!match->active->needs_map()) continue;
    const Match::Chosen chosen = match->choose(call);
    if (chosen.none) continue;
    of_maps.push_back(match);
    whole = whole && chosen.rows.empty() && chosen.heads.empty();
  }
  if (of_maps.empty()) return fused_attention(call);
  if (form_ == MapForm::kExplicit || !whole) return explicitly(call, of_maps);
  int of_logits = 0, of_probs = 0;
  bool frame_forms = takes_map_edits(call);
  for (const Match* match : of_maps) {
    of_logits += match->active->hooks.logits, of_probs += match->active->hooks.probs;
    frame_forms = frame_forms && match->active->edit->frame_form();
  }
  if (frame_forms && of_logits <= 1 && of_probs <= 1) {
    FrameMapEdit edit;
    for (const bool logits : {true, false}) {
      for (const Match* match : of_maps) {
        if (match->active->hooks.logits == logits) match->active->edit->frame_form()->fill(call, edit);
      }
    }
    return {frame_attention(call.q, call.k, call.v, scale_of(call), edit), {}};
  }
  if (of_maps.size() == 1 && of_maps[0]->active->hooks.fast) {
    Call inner = call;
    return of_maps[0]->active->edit->attend(inner,
                                            [](Call& plain) { return fused_attention(with_rotary(plain)); });
  }
  return explicitly(call, of_maps);
}

Partial Processor::explicitly(const Call& call, const Matches& of_maps) {
  ExplicitOptions options{.bytes = map_bytes_};
  bool logits = false, probs = false;
  for (const Match* match : of_maps) {
    const Hooks& hooks = match->active->hooks;
    match->active->report.path = "explicit";
    options.whole_map |= hooks.whole_map;
    options.rows_together |= hooks.relates_rows, options.heads_together |= hooks.relates_heads;
    logits |= hooks.logits, probs |= hooks.probs;
  }
  const auto show = [&of_maps](bool Hooks::*hook, void (Edit::*act)(const Call&, at::Tensor&)) {
    return [&of_maps, hook, act](const Call& block, at::Tensor& map) {
      for (const Match* match : of_maps) {
        if (!(match->active->hooks.*hook)) continue;
        const Match::Chosen chosen = match->choose(block);
        if (chosen.none) continue;
        const Selection selection(chosen.rows, chosen.heads);
        if (selection.all()) {
          (match->active->edit.get()->*act)(block, map);
          continue;
        }
        NarrowCall narrowed(block, selection);
        at::Tensor part = selection.take(map);
        (match->active->edit.get()->*act)(narrowed.call(), part);
        selection.put(map, part);
      }
    };
  };
  if (logits) options.on_logits = show(&Hooks::logits, &Edit::on_logits);
  if (probs) options.on_probs = show(&Hooks::probs, &Edit::on_probs);
  return explicit_attention(call, options);
}

std::vector<EditReport> Processor::report() const {
  std::vector<EditReport> all;
  for (const auto& active : edits_) {
    all.push_back(active->observer ? active->observer->report() : active->report);
    if (!active->observer) all.back().facts = active->edit->facts();
  }
  return all;
}

std::vector<Recording> Processor::recordings() const {
  std::vector<Recording> all;
  for (const auto& active : edits_) {
    Recording recording = active->edit->recording();
    if (!recording.tensors.empty()) all.push_back(std::move(recording));
  }
  return all;
}

}  // namespace reel::attention
