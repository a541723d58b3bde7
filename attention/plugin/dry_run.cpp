#include "attention/plugin/dry_run.h"

namespace reel::attention {

std::vector<EditReport> dry_run(const EditPlan& plan, const std::vector<Site>& sites) {
  std::vector<EditReport> all;
  for (const EditRule& rule : plan) {
    EditReport report;
    report.edit = rule.text;
    const auto edit = rule.make();
    const Hooks hooks = edit->hooks();
    report.path = (hooks.logits || hooks.probs) && !hooks.fast && !edit->frame_form() ? "explicit" : "fused";
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
