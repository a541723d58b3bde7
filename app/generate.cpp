// `reel generate`: text to video. Binds options to a graph and hands it to the engine; no tensor math here.
#include <sys/resource.h>

#include <chrono>
#include <iostream>

#include "app/generate_report.h"
#include "app/job_options.h"
#include "app/preview.h"
#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/placement.h"
#include "app/session/plugins.h"
#include "app/session/print_json.h"
#include "app/session/run_guarded.h"
#include "app/session/session.h"
#include "app/session_job.h"
#include "app/verbs.h"
#include "models/files/input/input_stream.h"
#include "models/files/part_file.h"
#include "models/files/safetensors.h"
#include "pipeline/graph/check.h"
#include "pipeline/graph/graph_draw.h"
#include "pipeline/graph/graph_json.h"
#include "pipeline/jobs/generate_graph.h"
#include "pipeline/jobs/prompt_lines.h"
#include "pipeline/run/model_cache.h"

namespace reel::app {
namespace {

using pipeline::GenerateJob;
using pipeline::GenerateOptions;

/// Of a list of jobs, all of which are held, at a kilobyte each.
constexpr uint64_t kMostListBytes = uint64_t{64} << 20, kMostJobs = 100'000;

struct VerbOptions {
  CommonOptions common;
  GenerateOptions job;
  std::string prompts_file;
  bool dry_run = false;
};

void save_tensors(const std::string& path, const pipeline::Engine& engine,
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
  models::write_safetensors(path, tensors);
}

class GenerateRun {
 public:
  explicit GenerateRun(VerbOptions options) : options_(std::move(options)) {}

  int run() {
    const std::vector<GenerateOptions> jobs = read_jobs();
    if (options_.dry_run) {
      for (const GenerateOptions& job : jobs) dry_run(session_job(job, options_.common));
      return kDone;
    }
    engine_ = make_engine(options_.common);
    if (jobs.size() == 1) {
      one(jobs[0]);
      return kDone;
    }
    int failed = 0;
    for (const GenerateOptions& job : jobs) {
      if (stop_request()) throw pipeline::Cancelled();
      const int code = run_guarded(options_.common.json, [&] { return one(job), int{kDone}; });
      if (code == kInterrupted) return code;
      failed += code != kDone;
    }
    return failed ? kSomeFailed : kDone;
  }

 private:
  std::vector<GenerateOptions> read_jobs() const {
    const GenerateOptions& job = options_.job;
    const std::string& name = options_.prompts_file;
    if (name.empty()) {
      if (job.prompt.empty() && job.prompt_keys.empty() && job.synopsis.empty()) {
        throw std::invalid_argument(
            "[generate] needs a prompt; for example: reel generate \"a rocket moving up in space\"");
      }
      return {job};
    }
    models::InputStream list({.path = name, .option = "--prompts", .most_bytes = kMostListBytes},
                             {.lines = kMostJobs, .streams = true});
    return pipeline::read_prompt_lines(list, name, job);
  }

  void dry_run(const GenerateJob& job) {
    const CommonOptions& common = options_.common;
    const pipeline::Graph graph = pipeline::build_graph(job);
    const auto problems = pipeline::check(plugins().nodes, graph);
    if (!problems.empty()) throw pipeline::GraphError(problems);
    if (!job.options.save_graph.empty()) pipeline::save_graph(graph, job.options.save_graph);
    const std::string text = describe_plan(job, place(common), common.json);
    if (common.json) return print_json(text);
    std::cout << text << "\n" << pipeline::draw_text(plugins().nodes, graph);
  }

  void one(const GenerateOptions& options) {
    const CommonOptions& common = options_.common;
    const auto start = std::chrono::steady_clock::now();
    const GenerateJob job = session_job(options, common);
    for (const std::string& file : {options.save_graph, options.save_tensors}) {
      if (!file.empty()) models::check_target(file, /*overwrite=*/true);
    }
    if (!options.seed && !common.seed && !common.quiet)
      std::cerr << "reel: seed " << *job.options.seed << "\n";
    const pipeline::Graph graph = pipeline::build_graph(job);
    if (!options.save_graph.empty()) pipeline::save_graph(graph, options.save_graph);
    const Placement placement = place(common);
    const pipeline::JobPlace where = job_place(job, placement);
    pipeline::Request request = make_request(common, graph);
    request.recipe = pipeline::write_recipe(job, where);
    const double loaded_before = engine_->models().load_seconds();
    std::optional<Previews> previews;
    if (options.preview) {
      previews.emplace(request.listener, *options.preview, job.previews);
      request.listener = std::ref(*previews);
    }
    const pipeline::RunResult result = engine_->run(request);
    const pipeline::Report& report = result.report;
    if (previews) previews->remove();
    if (!options.save_tensors.empty()) save_tensors(options.save_tensors, *engine_, result);
    RunFacts facts{.place = where, .device = placement.device};
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
  verb->add_option("--prompts", options->prompts_file,
                   "one job a line: a prompt, or a JSON object of options; - for standard input");
  verb->add_flag("--dry-run", options->dry_run,
                 "print the plan, the memory it needs and the sites that edits match; load nothing");
  add_common_options(*verb, options->common);
  verb->callback([options, &action] { action = [options] { return GenerateRun(*options).run(); }; });
}

}  // namespace reel::app
