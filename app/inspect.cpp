// `reel inspect`: attention maps of chosen sites as safetensors, picture or video.
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "app/job_options.h"
#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/notes.h"
#include "app/session/options/value_option.h"
#include "app/session/plugins.h"
#include "app/session/print_json.h"
#include "app/session/session.h"
#include "app/session_job.h"
#include "app/verbs.h"
#include "attention/plugin/dry_run.h"
#include "attention/plugin/misfit.h"
#include "models/files/part_file.h"
#include "models/files/safetensors.h"
#include "pipeline/attention_maps.h"
#include "pipeline/jobs/generate_graph.h"
#include "pipeline/media/video_writer.h"

namespace reel::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct InspectOptions {
  CommonOptions common;
  pipeline::GenerateOptions job;
  std::string output = "attention.png", where = "kind=temporal", keep = "mean";
  int64_t budget_mb = 512, sites = 36;
};

/// One picture of all steps under each other for a single png, else one frame per step.
at::Tensor arrange(const at::Tensor& pictures, const std::string& output) {
  const bool one_picture = output.ends_with(".png") && output.find('%') == std::string::npos;
  if (!one_picture || pictures.size(0) == 1) return pictures;
  return pictures.mean(0, true);  // the mean over the steps: a picture that stays readable
}

/// A run whose maps are recorded: its sampling node, and the file that the maps go to.
struct Tapped {
  std::string sampler, file;
  std::string prefix;  // of its maps' names in a common file
};

void tap(pipeline::Graph& graph, const Tapped& run, const InspectOptions& options) {
  const std::string id = "tap_" + run.sampler;
  graph.nodes.push_back({id,
                         "TapAttention",
                         {{"model", graph.find(run.sampler)->inputs.at("model")},
                          {"selector", options.where},
                          {"keep", options.keep},
                          {"file", run.file},
                          {"budget_mb", options.budget_mb}},
                         ""});
  graph.find(run.sampler)->inputs["model"] = pipeline::Link{id, 0};
}

pipeline::AttentionMaps read_maps(const Tapped& run) {
  pipeline::AttentionMaps maps;
  const auto file = models::SafetensorsFile::open(run.file);
  for (const auto& entry : file->tensors())
    maps[entry.first] = models::SafetensorsFile::view(file, entry.first);
  return maps;
}

/// Removes the runs' files in the end, whatever that is.
struct Cleanup {
  const std::vector<Tapped>& runs;
  ~Cleanup() {
    std::error_code ignored;
    for (const Tapped& run : runs) fs::remove(run.file, ignored);
  }
};

/// Refuses a selector under which nothing would be seen, before the work.
void refuse_unseen(const InspectOptions& options, const pipeline::GenerateJob& job) {
  const attention::EditRule rule = plugins().edits.rule("tap", {}, options.where);
  const std::vector<attention::Site> sites = job_sites(job, place(options.common));
  attention::dry_run({rule}, sites);  // refuses heads that a layer lacks
  if (const auto misfit = attention::misfit_of(rule, sites, run_shape(job))) {
    throw std::invalid_argument("[--where] '" + options.where + "' selects nothing: expected " +
                                misfit->expected + ", found " + misfit->found +
                                "; `reel generate - --edit tap --dry-run` lists the layers");
  }
}

int inspect(const InspectOptions& options) {
  pipeline::GenerateOptions generate = options.job;
  const bool raw = options.output.ends_with(".safetensors"), pairs = generate.compare;
  if (pairs && generate.edits.empty())
    throw std::invalid_argument("[--compare] shows maps without and with edits, got no edit; add --edit");
  if (!raw) media::check_output(options.output, {.overwrite = generate.overwrite});
  if (raw) models::check_target(options.output, generate.overwrite);
  const std::string unique = "." + std::to_string(getpid());
  std::vector<Tapped> runs = {{"sampler", options.output + unique + ".maps", pairs ? "edited/" : ""}};
  if (pairs)
    runs.insert(runs.begin(), {"sampler_unedited", options.output + unique + "-unedited.maps", "unedited/"});

  const Cleanup cleanup{runs};
  generate.output = "unused" + unique + ".y4m";  // the graph ends at the sampler
  const pipeline::GenerateJob job = session_job(generate, options.common);
  refuse_unseen(options, job);
  for (const std::string& sentence : job.unused) warn(options.common, sentence);
  if (!options.common.seed) note_seed(options.common, *job.options.seed);
  pipeline::Graph graph = pipeline::build_graph(job);
  std::vector<std::string> outputs;
  for (const Tapped& run : runs) tap(graph, run, options), outputs.push_back(run.sampler);
  const pipeline::Report report =
      make_engine(options.common)->run(make_request(options.common, graph, outputs)).report;

  note_nodes(options.common, report);
  // An edit may change nothing of where attention happens: all runs have the same sites.
  const attention::EditReport& record = report.find("sampler")->edits.back();
  std::vector<pipeline::AttentionMaps> maps;
  for (const Tapped& run : runs) maps.push_back(read_maps(run));
  std::vector<std::string> shown = record.sites;
  size_t left_out = 0;
  if (raw) {
    pipeline::AttentionMaps all;
    for (size_t i = 0; i < runs.size(); ++i) {
      for (const auto& [name, map] : maps[i]) all[runs[i].prefix + name] = map;
    }
    models::write_safetensors(options.output, all, {}, generate.overwrite);
  } else {
    const pipeline::MapPictures drawn =
        pipeline::draw_attention_maps(maps, {.order = record.sites, .most_sites = options.sites});
    const at::Tensor pictures = arrange(drawn.pixels, options.output);
    media::write_video(options.output, {(pictures * 255).round().to(at::kByte).contiguous(), 4},
                       {.fps = 4, .overwrite = generate.overwrite});
    shown = drawn.sites, left_out = drawn.left_out;
  }
  if (options.common.json) {
    print_json(json{{"path", options.output},
                    {"seed", *job.options.seed},
                    {"sites", shown},
                    {"sites_left_out", left_out},
                    {"compare", pairs},
                    {"facts", record.facts}}
                   .dump());
    return kDone;
  }
  std::cout << options.output << std::endl;
  std::string list = raw ? "maps of:" : "row by row, from left to right";
  if (!raw) list += pairs ? "; of each pair without edits, then with them:" : ":";
  for (const std::string& site : shown) list += "\n  " + site;
  note(options.common, list);
  if (left_out > 0)
    note(options.common,
         std::to_string(left_out) + " further sites are not shown; narrow --where or raise --sites");
  return kDone;
}

}  // namespace

void add_inspect_verb(CLI::App& app, Action& action) {
  CLI::App* verb =
      app.add_subcommand("inspect", "Attention maps of chosen sites as picture, video or tensors");
  auto options = std::make_shared<InspectOptions>();
  pipeline::GenerateOptions& job = options->job;
  verb->add_option("prompt", job.prompt, "what the video is to show")->required();
  verb->add_option("-o,--output", options->output,
                   ".png (mean over the steps), .mp4/.webm/.gif (a frame per step) or .safetensors")
      ->capture_default_str();
  may_be_empty(verb->add_option("--where", options->where,
                                "selector of the sites, as in --edit NAME@selector; empty: all"))
      ->capture_default_str();
  add_value(*verb, "--keep", options->keep, "mean over sequences and heads, mean over sequences, or all",
            {.choices = {"mean", "heads", "maps"}});
  add_value(*verb, "--sites", options->sites,
            "most sites in a picture, spread evenly over those that match; 0: all", {.range = {{0, 10000}}});
  add_value(*verb, "--budget-mb", options->budget_mb, "MiB of maps kept of a run; further ones are dropped",
            {.range = {{1, 1 << 20}}});
  for (const char* name :
       {"edit", "compare", "frames", "size", "steps", "guidance", "scheduler", "overwrite"})
    add_job_option(*verb, job, name);
  verb->get_option("--edit")->description("edits to look at, as in reel generate");
  verb->get_option("--compare")
      ->description("each site's map without and, right of it, with the edits; same seed");
  verb->footer(
      "Example: reel inspect \"a rocket moving up in space\" --where \"kind=temporal layer=up_blocks.1.*\" "
      "-o maps.png\nPictures show the sites row by row in order of execution, which is printed.");
  add_common_options(*verb, options->common);
  verb->callback([options, verb, &action] {
    if (verb->count("--sites") > 0 && options->output.ends_with(".safetensors"))
      throw std::invalid_argument(
          "[--sites] bounds what a picture shows, and -o names tensors, which are all kept; "
          "leave it out");
    action = [options] { return inspect(*options); };
  });
}

}  // namespace reel::app
