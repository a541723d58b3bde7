#include "attention/processor.h"

#include "attention/call_part.h"
#include "attention/ops/frame/frame_attention.h"

namespace reel::attention {
namespace {

/// Sorts positions and drops repeated ones; empty when they are `all` or all `count` of a dimension.
void sort_out(std::vector<int64_t>& positions, bool all, int64_t count) {
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  if (all || static_cast<int64_t>(positions.size()) == count) positions.clear();
}

}  // namespace

struct Processor::Active {
  EditRule rule;
  std::unique_ptr<Edit> edit;
  Hooks hooks;
  EditReport report;
  bool needs_map() const { return hooks.logits || hooks.probs; }
};

struct Processor::Match {
  Active* active;
  std::vector<int64_t> heads;  // empty: all
  bool choose(const Call& call, const Heads& scope, std::vector<int64_t>& chosen_rows,
              std::vector<int64_t>& chosen_heads) const;
};

Processor::Processor(const EditPlan& plan, int64_t map_bytes, MapForm form)
    : map_bytes_(map_bytes), form_(form) {
  for (const EditRule& rule : plan) {
    auto active = std::make_shared<Active>();
    active->rule = rule;
    active->edit = rule.make();
    active->hooks = active->edit->hooks();
    active->report.edit = rule.text;
    edits_.push_back(std::move(active));
  }
}

Processor::~Processor() = default;

void Processor::begin_step(const Step& step) {
  for (const auto& active : edits_) active->edit->begin_step(step);
}

void Processor::finish() {
  for (const auto& active : edits_) active->edit->finish();
}

std::vector<Processor::Match>& Processor::matches_at(const Site& site) {
  const auto found = sites_.find(site.path);
  if (found != sites_.end()) return found->second;
  std::vector<Match> matches;
  for (const auto& active : edits_) {
    if (!active->rule.where.matches(site) || !active->edit->applies_to(site)) continue;
    matches.push_back({active.get(), active->rule.where.heads_of(site)});
    active->report.sites.push_back(site.path);
  }
  return sites_.emplace(site.path, std::move(matches)).first->second;
}

/// Which of a call's rows and heads a match selects; empty: all. False: none.
bool Processor::Match::choose(const Call& call, const Heads& scope, std::vector<int64_t>& chosen_rows,
                              std::vector<int64_t>& chosen_heads) const {
  return choose_rows(active->rule.where, call.rows, chosen_rows) && choose_heads(heads, scope, chosen_heads);
}

at::Tensor Processor::attend(Call call) {
  if (edits_.empty()) return fused_attention(call);
  std::vector<Match*> matches;
  std::vector<int64_t> chosen;
  for (Match& match : matches_at(call.site)) {
    const Selector& where = match.active->rule.where;
    if (where.matches(call.step) && match.active->edit->applies_at(call.step) &&
        choose_rows(where, call.rows, chosen))
      matches.push_back(&match);
  }
  if (matches.empty()) return fused_attention(call);
  // Five dimensions, so that rows, sequences and heads can be picked from it.
  while (call.bias.defined() && call.bias.dim() < 5) call.bias = call.bias.unsqueeze(0);
  for (Match* match : matches) {
    ++match->active->report.calls;
    if (match->active->report.path.empty()) match->active->report.path = "fused";
  }

  // Wrapping edits nest in plan order: the first is outermost. Each wraps only its own rows and heads; the
  // others are computed without it. `scope` says which of the site's heads the inner call has, in their
  // order; empty: all.
  using Scoped = std::function<at::Tensor(Call&, const std::vector<int64_t>& scope)>;
  Scoped compute = [this, matches](Call& inner, const std::vector<int64_t>& scope) {
    return run(inner, matches, scope);
  };
  for (auto it = matches.rbegin(); it != matches.rend(); ++it) {
    Match* match = *it;
    if (!match->active->hooks.attend) continue;
    compute = [match, next = compute](Call& outer, const std::vector<int64_t>& scope) {
      std::vector<int64_t> rows, heads;
      if (!match->choose(outer, scope, rows, heads)) return next(outer, scope);
      const Selection selection(rows, heads);
      if (selection.all())
        return match->active->edit->attend(outer, [&](Call& inner) { return next(inner, scope); });
      at::Tensor result = next(outer, scope).clone();
      const std::vector<Row> part_rows = rows_of(outer.rows, rows);
      const std::vector<int64_t> part_scope = heads.empty() ? scope : match->heads;
      Call part = narrow(outer, selection, part_rows);
      selection.put(result,
                    match->active->edit->attend(part, [&](Call& inner) { return next(inner, part_scope); }));
      return result;
    };
  }
  return compute(call, {});
}

at::Tensor Processor::run(Call& call, const Matches& matches, const Heads& scope) {
  change_inputs(call, matches, scope);
  // The rows and heads whose maps are looked at; the others run as if there were no edit.
  Matches of_maps;
  std::vector<int64_t> rows, heads, all_rows, all_heads;
  bool every_row = false, every_head = false;
  for (Match* match : matches) {
    if (!match->active->needs_map() || !match->choose(call, scope, rows, heads)) continue;
    of_maps.push_back(match);
    every_row |= rows.empty(), every_head |= heads.empty();
    all_rows.insert(all_rows.end(), rows.begin(), rows.end());
    all_heads.insert(all_heads.end(), heads.begin(), heads.end());
  }
  if (of_maps.empty()) return fused_attention(call);
  sort_out(all_rows, every_row, call.q.size(0)), sort_out(all_heads, every_head, call.q.size(2));
  const Selection selection(all_rows, all_heads);
  if (selection.all()) return attend_with_maps(call, of_maps, scope);
  at::Tensor result = fused_attention(call);
  const std::vector<Row> part_rows = rows_of(call.rows, all_rows);
  Heads part_scope = scope;
  if (!all_heads.empty()) {
    part_scope.clear();
    for (const int64_t head : all_heads) part_scope.push_back(scope.empty() ? head : scope[size_t(head)]);
  }
  selection.put(result, attend_with_maps(narrow(call, selection, part_rows), of_maps, part_scope));
  return result;
}

void Processor::change_inputs(Call& call, const Matches& matches, const Heads& scope) {
  std::vector<int64_t> rows, heads;
  for (Match* match : matches) {
    if (!match->active->hooks.inputs || !match->choose(call, scope, rows, heads)) continue;
    const Selection selection(rows, heads);
    if (selection.all()) {
      match->active->edit->on_inputs(call);
      continue;
    }
    const std::vector<Row> part_rows = rows_of(call.rows, rows);
    Call part = narrow(call, selection, part_rows);
    match->active->edit->on_inputs(part);
    const auto merge = [&](at::Tensor& whole, const at::Tensor& changed) {
      if (!changed.defined() || changed.is_alias_of(whole)) return;
      whole = whole.clone();
      selection.put(whole, changed);
    };
    merge(call.q, part.q), merge(call.k, part.k), merge(call.v, part.v);
    if (part.bias.defined() && !(call.bias.defined() && part.bias.is_alias_of(call.bias))) {
      const std::vector<int64_t> shape = {call.q.size(0), call.q.size(1), call.q.size(2), call.q.size(3),
                                          call.k.size(3)};
      at::Tensor whole =
          call.bias.defined() ? call.bias.expand(shape).clone() : at::zeros(shape, call.q.options());
      const at::Tensor target = selection.take(whole);
      selection.put(whole, part.bias.expand(target.sizes()));
      call.bias = whole;
    }
  }
}

at::Tensor Processor::attend_with_maps(const Call& call, const Matches& matches, const Heads& scope) {
  if (const auto edit = fuse(call, matches, scope))
    return frame_attention(call.q, call.k, call.v, scale_of(call), *edit);
  for (Match* match : matches) match->active->report.path = "explicit";
  return attend_explicitly(call, matches, scope);
}

std::optional<FrameMapEdit> Processor::fuse(const Call& call, const Matches& matches, const Heads& scope) {
  if (form_ == MapForm::kExplicit || !takes_map_edits(call)) return std::nullopt;
  std::vector<int64_t> rows, heads;
  int of_logits = 0, of_probs = 0;
  for (const Match* match : matches) {
    const Hooks& hooks = match->active->hooks;
    match->choose(call, scope, rows, heads);
    // Kernels take one edit of each kind, of the whole call.
    if (!hooks.fused || !rows.empty() || !heads.empty() || (hooks.logits && ++of_logits > 1) ||
        (hooks.probs && ++of_probs > 1))
      return std::nullopt;
  }
  FrameMapEdit edit;
  for (const bool logits : {true, false}) {
    for (const Match* match : matches) {
      if (match->active->hooks.logits == logits) match->active->edit->fuse(call, edit);
    }
  }
  return edit;
}

at::Tensor Processor::attend_explicitly(const Call& call, const Matches& matches, const Heads& scope) {
  const bool whole_map = std::any_of(matches.begin(), matches.end(),
                                     [](const Match* match) { return match->active->hooks.whole_map; });
  const int64_t groups = call.q.size(1), n = call.q.size(3);
  const int64_t query_bytes =
      call.q.size(0) * call.q.size(2) * call.k.size(3) * int64_t{4} * 2;  // logits and probs
  if (whole_map && query_bytes * groups * n > map_bytes_) {
    throw std::runtime_error("[attention] an edit needs the whole map of " + call.site.path + ", " +
                             std::to_string(query_bytes * groups * n >> 20) + " MiB, but the budget is " +
                             std::to_string(map_bytes_ >> 20) + " MiB; narrow the edit with layer= or rows=");
  }
  // Blocks: whole sequences while they fit, else queries within one sequence.
  const int64_t block_groups =
      whole_map ? groups : std::clamp<int64_t>(map_bytes_ / (query_bytes * n), 1, groups);
  const int64_t block_queries = whole_map ? n : std::clamp<int64_t>(map_bytes_ / query_bytes, 1, n);
  const bool shared_keys = call.k.size(1) == 1 && groups > 1;
  at::Tensor output =
      at::empty({call.q.size(0), groups, call.q.size(2), n, call.v.size(4)}, call.q.options());
  for (int64_t g = 0; g < groups; g += block_groups) {
    const int64_t g_count = std::min(block_groups, groups - g);
    const at::Tensor k = shared_keys ? call.k : call.k.narrow(1, g, g_count);
    const at::Tensor v = shared_keys ? call.v : call.v.narrow(1, g, g_count);
    for (int64_t i = 0; i < n; i += block_queries) {
      const int64_t i_count = std::min(block_queries, n - i);
      Call block = call;
      block.q = call.q.narrow(1, g, g_count).narrow(3, i, i_count);
      block.k = k, block.v = v;
      block.query_begin = i;
      at::Tensor logits =
          at::matmul(block.q.to(at::kFloat), k.to(at::kFloat).transpose(-1, -2)).mul_(scale_of(call));
      if (call.bias.defined()) {
        logits.add_(call.bias.expand({-1, groups, -1, n, -1}).narrow(1, g, g_count).narrow(3, i, i_count));
      }
      const auto show = [&](const at::Tensor& map, bool Hooks::*hook, auto&& action) {
        std::vector<int64_t> rows, heads;
        for (Match* match : matches) {
          if (!(match->active->hooks.*hook) || !match->choose(block, scope, rows, heads)) continue;
          const Selection selection(rows, heads);
          const std::vector<Row> part_rows = rows_of(block.rows, rows);
          at::Tensor part = selection.take(map);
          action(*match->active->edit, narrow(block, selection, part_rows), part);
          selection.put(map, part);
        }
      };
      show(logits, &Hooks::logits,
           [](Edit& edit, const Call& part, at::Tensor& map) { edit.on_logits(part, map); });
      at::Tensor probs = at::softmax(logits, -1);
      logits.reset();
      show(probs, &Hooks::probs,
           [](Edit& edit, const Call& part, at::Tensor& map) { edit.on_probs(part, map); });
      output.narrow(1, g, g_count).narrow(3, i, i_count).copy_(at::matmul(probs, v.to(at::kFloat)));
    }
  }
  return output;
}

std::vector<EditReport> Processor::report() const {
  std::vector<EditReport> all;
  for (const auto& active : edits_) {
    all.push_back(active->report);
    all.back().facts = active->edit->facts();
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

std::vector<EditReport> dry_run(const EditPlan& plan, const std::vector<Site>& sites) {
  std::vector<EditReport> all;
  for (const EditRule& rule : plan) {
    EditReport report;
    report.edit = rule.text;
    const auto edit = rule.make();
    const Hooks hooks = edit->hooks();
    report.path = (hooks.logits || hooks.probs) && !hooks.fused ? "explicit" : "fused";
    for (const Site& site : sites) {
      if (!rule.where.matches(site) || !edit->applies_to(site)) continue;
      rule.where.heads_of(site);  // refuses heads that the site lacks
      report.sites.push_back(site.path);
    }
    all.push_back(std::move(report));
  }
  return all;
}

}  // namespace reel::attention
