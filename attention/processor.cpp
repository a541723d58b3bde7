#include "attention/processor.h"

#include "attention/call_part.h"

namespace reel::attention {

struct Processor::Active {
  EditRule rule;
  std::unique_ptr<Edit> edit;
  Hooks hooks;
  EditReport report;
};

struct Processor::Match {
  Active* active;
  std::vector<int64_t> heads;  // empty: all
};

Processor::Processor(const EditPlan& plan, int64_t map_bytes) : map_bytes_(map_bytes) {
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
  const bool explicit_path = std::any_of(matches.begin(), matches.end(), [](const Match* match) {
    return match->active->hooks.logits || match->active->hooks.probs;
  });
  for (Match* match : matches) {
    ++match->active->report.calls;
    match->active->report.path = explicit_path ? "explicit" : "fused";
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
      if (!choose_rows(match->active->rule.where, outer.rows, rows) ||
          !choose_heads(match->heads, scope, heads))
        return next(outer, scope);
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

at::Tensor Processor::run(Call& call, const std::vector<Match*>& matches, const std::vector<int64_t>& scope) {
  std::vector<int64_t> rows, heads;
  const auto with_selection = [&](Match* match, const auto& action) {
    if (!choose_rows(match->active->rule.where, call.rows, rows) || !choose_heads(match->heads, scope, heads))
      return;
    action(Selection(rows, heads), rows_of(call.rows, rows));
  };

  for (Match* match : matches) {
    if (!match->active->hooks.inputs) continue;
    with_selection(match, [&](const Selection& selection, const std::vector<Row>& part_rows) {
      if (selection.all()) return match->active->edit->on_inputs(call);
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
    });
  }

  bool whole_map = false, needs_map = false;
  for (Match* match : matches) {
    const Hooks& hooks = match->active->hooks;
    needs_map |= hooks.logits || hooks.probs;
    whole_map |= (hooks.logits || hooks.probs) && hooks.whole_map;
  }
  if (!needs_map) return fused_attention(call);

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
        for (Match* match : matches) {
          if (!(match->active->hooks.*hook)) continue;
          with_selection(match, [&](const Selection& selection, const std::vector<Row>& part_rows) {
            at::Tensor part = selection.take(map);
            const Call part_call = narrow(block, selection, part_rows);
            action(*match->active->edit, part_call, part);
            selection.put(map, part);
          });
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
    report.path = hooks.logits || hooks.probs ? "explicit" : "fused";
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
