#include "app/generate_report.h"

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "app/session/notes_json.h"
#include "app/session/plugins.h"
#include "app/session_job.h"
#include "attention/plugin/dry_run.h"
#include "pipeline/jobs/options_json.h"
#include "pipeline/memory_plan.h"
#include "pipeline/process_memory.h"

namespace reel::app {
namespace {

using nlohmann::json;
using pipeline::GenerateJob;

json edits_json(const std::vector<attention::EditReport>& edits, bool with_sites) {
  json list = json::array();
  for (const attention::EditReport& edit : edits) {
    json entry = {{"edit", edit.edit}, {"sites_matched", edit.sites.size()}, {"path", edit.path}};
    if (with_sites)
      entry["sites"] = edit.sites;
    else
      entry["calls"] = edit.calls, entry["facts"] = edit.facts;
    list.push_back(entry);
  }
  return list;
}

json memory_estimate(const GenerateJob& job, const Placement& placement) {
  const pipeline::GenerateOptions& o = job.options;
  const pipeline::VideoSize size{.frames = *o.frames,
                                 .width = job.width,
                                 .height = job.height,
                                 .steps = *o.steps,
                                 .guided = *o.guidance > 1,
                                 .text_per_frame = !o.prompt_keys.empty() || !job.stages.empty()};
  const pipeline::MemoryPlan plan =
      pipeline::plan_memory(plugins().families, job.model, placement.device, placement.dtype, size);
  return {{"weights_bytes", plan.weights},
          {"activations_bytes", plan.activations},
          {"total_bytes", plan.weights + plan.activations},
          {"output_bytes", plan.output},
          {"host_bytes", plan.host},
          {"device_bytes", plan.device},
          {"flops", plan.flops}};
}

double node_seconds(const pipeline::Report& report, const char* id) {
  const pipeline::NodeReport* node = report.find(id);
  return node ? node->seconds : 0;
}

double fact(const pipeline::Report& report, const char* id, const char* name) {
  const pipeline::NodeReport* node = report.find(id);
  if (!node || !node->facts.count(name)) return 0;
  return std::strtod(node->facts.at(name).c_str(), nullptr);
}

}  // namespace

std::string describe_plan(const GenerateJob& job, const Placement& placement, bool as_json,
                          std::vector<std::string>& warnings, const ListPlace& list) {
  const pipeline::GenerateOptions& options = job.options;
  const pipeline::JobPlace where = job_place(job, placement);
  const std::vector<attention::Site> sites = job_sites(job, placement);
  const auto edits = attention::dry_run(edit_plan(job), sites);
  warnings = job_warnings(job, sites);
  json document = {{"dry_run", true},
                   {"output", options.output},
                   {"model", {{"name", job.choice.name}, {"path", job.model.path}, {"hash", where.weights}}},
                   {"options", pipeline::options_json(job, where)},
                   {"memory", memory_estimate(job, placement)},
                   {"sites", sites.size()},
                   {"edits", edits_json(edits, true)}};
  if (!warnings.empty()) document["warnings"] = warnings;
  add_place(document, list);
  if (as_json) return document.dump();
  const double mib = 1.0 / (1 << 20);
  std::string text = "Plan for " + options.output + "\n";
  char line[256];
  std::snprintf(line, sizeof line, "  model    %s (%s), %s on %s\n", job.choice.name.c_str(),
                where.weights.c_str(), where.dtype.c_str(), where.device.c_str());
  text += line;
  std::snprintf(line, sizeof line, "  video    %lld frames of %lldx%lld at %g frames/s\n",
                (long long)*options.frames, (long long)job.width, (long long)job.height, *options.fps);
  text += line;
  std::snprintf(line, sizeof line, "  sampling %lld steps, guidance %g, seed %llu\n",
                (long long)*options.steps, *options.guidance, (unsigned long long)*options.seed);
  text += line;
  const auto bytes = [&](const char* name) { return document["memory"][name].get<double>() * mib; };
  std::snprintf(line, sizeof line, "  memory   about %.0f MiB: weights %.0f, activations %.0f\n",
                bytes("total_bytes"), bytes("weights_bytes"), bytes("activations_bytes"));
  text += line;
  std::snprintf(line, sizeof line, "  process  about %.0f MiB with program and libraries, %.3g TFLOP\n",
                bytes("host_bytes"), document["memory"]["flops"].get<double>() * 1e-12);
  text += line;
  for (const attention::EditReport& edit : edits) {
    text += "  edit     " + edit.edit + ": " + std::to_string(edit.sites.size()) + " of " +
            std::to_string(sites.size()) + " sites, " + edit.path + "\n";
    for (const std::string& site : edit.sites) text += "             " + site + "\n";
  }
  return text;
}

std::string describe_run(const GenerateJob& job, const pipeline::Report& report, const RunFacts& facts) {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  json document = {
      {"path", job.options.output},
      {"prompt", job.options.prompt},
      {"seed", *job.options.seed},
      {"options", pipeline::options_json(job, facts.place)},
      {"model", {{"name", job.choice.name}, {"path", job.model.path}, {"hash", facts.place.weights}}}};
  document["seconds"] = {{"load", facts.load_s},
                         {"encode", node_seconds(report, "positive") + node_seconds(report, "negative")},
                         {"step_first", fact(report, "sampler", "step_first_s")},
                         {"step_median", fact(report, "sampler", "step_median_s")},
                         {"sample", node_seconds(report, "sampler")},
                         {"decode", node_seconds(report, "decode")},
                         {"write", node_seconds(report, "write")},
                         {"total", facts.total_s}};
  document["peak_bytes"] = {{"host", usage.ru_maxrss * int64_t{1024}},
                            {"device", pipeline::peak_tensor_bytes(facts.device)}};
  const pipeline::NodeReport* sampler = report.find("sampler");
  document["edits"] = sampler ? edits_json(sampler->edits, false) : json::array();
  if (job.options.compare)
    document["unedited"] = job.output_unedited, document["side_by_side"] = job.output_side_by_side;
  json nodes = json::array();
  for (const pipeline::NodeReport& node : report.nodes) {
    nodes.push_back(
        {{"id", node.id}, {"class", node.spec}, {"cached", node.cached}, {"seconds", node.seconds}});
  }
  document["nodes"] = nodes;
  if (!report.warnings.empty()) document["warnings"] = report.warnings;
  add_place(document, facts.list);
  return document.dump();
}

}  // namespace reel::app
