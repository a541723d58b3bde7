#include "attention/plugin/misfit.h"

#include <algorithm>
#include <stdexcept>

namespace reel::attention {
namespace {

/// "20 attention layers (12 spatial, 8 cross), e.g. mid_block.attentions.0...attn1".
std::string described(const std::vector<Site>& sites) {
  if (sites.empty()) return "no attention layers";
  std::vector<std::pair<SiteKind, int>> kinds;  // in the order of their first layer
  for (const Site& site : sites) {
    const auto known =
        std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) { return k.first == site.kind; });
    if (known == kinds.end())
      kinds.emplace_back(site.kind, 1);
    else
      ++known->second;
  }
  std::string text;
  for (const auto& [kind, count] : kinds)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + kind_name(kind);
  return std::to_string(sites.size()) + " attention layers (" + text + "), e.g. " + sites.front().path;
}

}  // namespace

std::string described(const EditRule& rule, const Misfit& misfit) {
  return "[" + rule.text + "] " + (rule.make()->hooks().observes ? "sees" : "changes") +
         " nothing: expected " + misfit.expected + ", found " + misfit.found;
}

std::optional<Misfit> misfit_of(const EditRule& rule, const std::vector<Site>& sites, const RunShape& run) {
  const auto edit = rule.make();
  const Hooks hooks = edit->hooks();
  if (!hooks.inputs && !hooks.logits && !hooks.probs && !hooks.attend) return std::nullopt;
  std::vector<Site> selected;
  bool acts = false;
  for (const Site& site : sites) {
    if (!rule.where.matches(site)) continue;
    acts = acts || edit->applies_to(site);
    selected.push_back(site);
  }
  if (acts && !run.unconditional && rule.where.conditional == false)
    return Misfit{"unconditional rows, which `" + rule.where.text() + "` selects",
                  "none in a run without guidance"};
  if (acts && !run.steps.empty() && std::none_of(run.steps.begin(), run.steps.end(), [&](const Step& step) {
        return rule.where.matches(step) && edit->applies_at(step);
      })) {
    return Misfit{"a step at which " + rule.name + " acts as `" + rule.where.text() + "` selects",
                  "none among the run's " + std::to_string(run.steps.size()) + ", which are counted from 0"};
  }
  if (acts) return std::nullopt;
  if (selected.empty())
    return Misfit{"a layer that `" + rule.where.text() + "` selects",
                  "none among the model's " + described(sites)};
  return Misfit{"a selected layer at which " + rule.name + " acts",
                "none among the " + described(selected) + ", that `" + rule.where.text() + "` selects"};
}

void refuse_unserved(const EditRule& rule, const Needs& served, const std::string& model) {
  const Needs needs = rule.make()->needs();
  const auto require = [&](bool needed, bool is_served, const char* what) {
    if (!needed || is_served) return;
    throw std::invalid_argument("[" + rule.text + "] needs " + what + ", and " + model +
                                " has none; leave the edit out, or give it a model of its kind");
  };
  require(needs.hidden, served.hidden, "the residual stream that enters a layer");
  require(needs.bare_row, served.bare_row, "a second row of each request without its picture");
  require(needs.tower_maps, served.tower_maps, "the attention maps of a vision tower");
}

}  // namespace reel::attention
