// `reel generate`: text to video. Binds options to a graph and hands it to the engine; no tensor math here.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "app/generate_report.h"
#include "app/job_list.h"
#include "app/job_options.h"
#include "app/preview.h"
#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/notes.h"
#include "app/session/options/value_option.h"
#include "app/session/placement.h"
#include "app/session/plugins.h"
#include "app/session/print_json.h"
#include "app/session/progress.h"
#include "app/session/session.h"
#include "app/session_job.h"
#include "app/verbs.h"
#include "models/files/input/input_stream.h"
#include "models/files/part_file.h"
#include "models/files/safetensors.h"
#include "pipeline/graph/graph_draw.h"
#include "pipeline/graph/graph_json.h"
#include "pipeline/jobs/generate_graph.h"
#include "pipeline/run/model_cache.h"

namespace reel::app {
namespace {

using pipeline::GenerateJob;
using pipeline::GenerateOptions;

struct VerbOptions {
  CommonOptions common;
  GenerateOptions job;
  JobListOptions list;
  bool dry_run = false;
};

void save_tensors(const std::string& path, bool overwrite, const pipeline::Engine& engine,
                  const pipeline::RunResult& result) {
  std::map<std::string, at::Tensor> tensors;
  std::vector<std::shared_ptr<const pipeline::Outcome>> kept;
  const auto value = [&](const char* node) -> const pipeline::Value* {
    const auto outcome = engine.outcome(result, node);
    kept.push_back(outcome);
    return outcome && !outcome->values.empty() ? &outcome->values.front() : nullptr;
  };
  if (const auto* v = value("positive"))
    tensors["prompt_embeds"] = std::get<pipeline::PromptContext>(*v).context;
  if (const auto* v = value("negative"))
    tensors["negative_prompt_embeds"] = std::get<pipeline::PromptContext>(*v).context;
  if (const auto* v = value("sampler")) tensors["latents"] = std::get<pipeline::Latent>(*v).samples;
  if (const auto* v = value("decode")) tensors["frames"] = std::get<pipeline::Images>(*v).pixels;
  models::write_safetensors(path, tensors, {}, overwrite);
}

class GenerateRun {
 public:
  explicit GenerateRun(VerbOptions options) : options_(std::move(options)) {}

  int run() {
    const JobListOptions& list = options_.list;
    const GenerateOptions& job = options_.job;
    if (!options_.dry_run) engine_ = make_engine(options_.common);
    if (!list.file.empty() && !options_.dry_run) make_output_folder(job.output_dir);
    if (!list.file.empty())
      return run_job_list(
          list, job, options_.common,
          [this](const GenerateOptions& options, const ListPlace& place) { one(options, place); });
    if (list.skip_existing)
      throw std::invalid_argument(
          "[--skip-existing] is for lists of jobs; add --prompts FILE or leave it out");
    if (job.prompt.empty() && job.prompt_keys.empty() && job.synopsis.empty()) {
      throw std::invalid_argument(
          "[generate] needs a prompt; for example: reel generate \"a rocket moving up in space\"");
    }
    if (!job.output.empty() && !job.output_dir.empty())
      warn(options_.common, "[--output-dir] changes nothing: -o names the output; leave one of them out");
    else if (!options_.dry_run)
      make_output_folder(job.output_dir);
    one(job, {});
    return kDone;
  }

 private:
  void one(const GenerateOptions& options, const ListPlace& place) {
    if (options_.dry_run)
      dry_run(session_job(options, options_.common), place);
    else
      make(options, place);
  }

  pipeline::Request request_of(const GenerateOptions& options, const pipeline::Graph& graph) const {
    pipeline::Request request = make_request(options_.common, graph);
    request.access.replace = options.overwrite;
    return request;
  }

  void dry_run(const GenerateJob& job, const ListPlace& list_place) {
    const CommonOptions& common = options_.common;
    const pipeline::Graph graph = pipeline::build_graph(job);
    make_engine(common)->foresee(request_of(job.options, graph));
    save(graph, job.options);
    std::vector<std::string> warnings;
    const std::string text = describe_plan(job, place(common), common.json, warnings, list_place);
    for (const std::string& sentence : job.unused) warn(common, sentence, list_place);
    for (const std::string& sentence : warnings) warn(common, sentence, list_place);
    if (common.json) return print_json(text);
    std::cout << text << "\n" << pipeline::draw_text(plugins().nodes, graph);
  }

  /// Writes the job's graph, if it is wanted. A file that holds it already stays: the same command can be run again
  /// after an interruption.
  static void save(const pipeline::Graph& graph, const GenerateOptions& options) {
    const std::string& file = options.save_graph;
    if (file.empty()) return;
    std::error_code error;
    std::ifstream there;
    if (std::filesystem::is_regular_file(file, error)) there.open(file, std::ios::binary);
    const std::string text = there.is_open() ? std::string{std::istreambuf_iterator<char>(there), {}} : "";
    if (text != pipeline::write_graph(graph)) pipeline::save_graph(graph, file, options.overwrite);
  }

  void make(const GenerateOptions& options, const ListPlace& list_place) {
    const CommonOptions& common = options_.common;
    const auto start = std::chrono::steady_clock::now();
    const GenerateJob job = session_job(options, common);
    if (!options.seed && !common.seed) note_seed(common, *job.options.seed, list_place);
    for (const std::string& sentence : job.unused) warn(common, sentence, list_place);
    const pipeline::Graph graph = pipeline::build_graph(job);
    save(graph, options);
    const Placement placement = place(common);
    const pipeline::JobPlace where = job_place(job, placement);
    pipeline::Request request = request_of(options, graph);
    request.listener = make_progress(common, list_place);
    request.recipe = pipeline::write_recipe(job, where);
    request.recurs = !options.save_tensors.empty();  // these are read from what the engine kept
    const double loaded_before = engine_->models().load_seconds();
    std::optional<Previews> previews;
    if (options.preview) {
      previews.emplace(request.listener, *options.preview, job.previews);
      request.listener = std::ref(*previews);
    }
    const pipeline::RunResult result = engine_->run(request);
    const pipeline::Report& report = result.report;
    if (previews) previews->remove();
    if (!options.save_tensors.empty())
      save_tensors(options.save_tensors, options.overwrite, *engine_, result);
    RunFacts facts{.place = where, .device = placement.device, .list = list_place};
    facts.total_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    facts.load_s = engine_->models().load_seconds() - loaded_before;
    if (common.json) {
      print_json(describe_run(job, report, facts));
      return;
    }
    for (const pipeline::NodeReport& node : report.nodes) {
      const auto path = node.facts.find("path");
      if (path != node.facts.end()) std::cout << path->second << std::endl;
    }
    if (common.verbose) std::cerr << describe_run(job, report, facts) << "\n";
  }

  VerbOptions options_;
  std::unique_ptr<pipeline::Engine> engine_;
};

}  // namespace

void add_generate_verb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("generate", "Text to video");
  auto options = std::make_shared<VerbOptions>();
  verb->footer(
      "Example: reel generate \"a rocket moving up in space\" -o rocket.mp4\n"
      "Defaults for size, frames, steps, guidance and fps come from the model's folder.");
  add_job_options(*verb, options->job);
  verb->add_option("--prompts", options->list.file,
                   "one job a line: a prompt, or a JSON object of options; - for standard input");
  add_switch(
      *verb, "--skip-existing", options->list.skip_existing,
      "with --prompts: finished files count as done; outputs without a name are named after their prompts");
  add_switch(*verb, "--dry-run", options->dry_run,
             "print the plan, the memory it needs and the sites that edits match; load nothing");
  add_common_options(*verb, options->common);
  verb->callback([options, &action] { action = [options] { return GenerateRun(*options).run(); }; });
}

}  // namespace reel::app
