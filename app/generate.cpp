// `reel generate`: text to video. Binds options to a graph and hands it to the engine; no tensor math here.
#include <sys/resource.h>

#include <chrono>
#include <iostream>

#include "app/generate_job.h"
#include "app/generate_report.h"
#include "app/job_list.h"
#include "app/preview.h"
#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/placement.h"
#include "app/session/plugins.h"
#include "app/session/print_json.h"
#include "app/session/run_guarded.h"
#include "app/session/session.h"
#include "app/verbs.h"
#include "models/files/part_file.h"
#include "models/files/safetensors.h"
#include "pipeline/graph/check.h"
#include "pipeline/graph/graph_draw.h"
#include "pipeline/graph/graph_json.h"
#include "pipeline/run/model_cache.h"

namespace reel::app {
namespace {

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
    const std::vector<ListedJob> jobs = read_jobs();
    if (options_.dry_run) {
      for (const auto& [job, common] : jobs) dry_run(resolve_job(job, common), common);
      return kDone;
    }
    engine_ = make_engine(options_.common);
    if (jobs.size() == 1) {
      one(jobs[0].first, jobs[0].second);
      return kDone;
    }
    int failed = 0;
    for (const auto& [job, common] : jobs) {
      if (stop_request()) throw pipeline::Cancelled();
      const int code = run_guarded(
          options_.common.json, [&, &job = job, &common = common] { return one(job, common), int{kDone}; });
      if (code == kInterrupted) return code;
      failed += code != kDone;
    }
    return failed ? kSomeFailed : kDone;
  }

 private:
  std::vector<ListedJob> read_jobs() const {
    if (options_.prompts_file.empty()) {
      if (options_.job.prompt.empty() && options_.job.prompt_keys.empty() && options_.job.synopsis.empty()) {
        throw std::invalid_argument(
            "[generate] needs a prompt; for example: reel generate \"a rocket moving up in space\"");
      }
      return {{options_.job, options_.common}};
    }
    return read_job_list(options_.prompts_file, options_.job, options_.common);
  }

  void dry_run(const GenerateJob& job, const CommonOptions& common) {
    const pipeline::Graph graph = build_graph(job);
    const auto problems = pipeline::check(plugins().nodes, graph);
    if (!problems.empty()) throw pipeline::GraphError(problems);
    if (!job.options.save_graph.empty()) pipeline::save_graph(graph, job.options.save_graph);
    const std::string text = describe_plan(job, place(common), common.json);
    if (common.json) return print_json(text);
    std::cout << text << "\n" << pipeline::draw_text(plugins().nodes, graph);
  }

  void one(const GenerateOptions& options, const CommonOptions& common) {
    const auto start = std::chrono::steady_clock::now();
    const GenerateJob job = resolve_job(options, common);
    for (const std::string& file : {options.save_graph, options.save_tensors}) {
      if (!file.empty()) models::check_target(file, /*overwrite=*/true);
    }
    if (!common.seed && !common.quiet) std::cerr << "reel: seed " << job.seed << "\n";
    const pipeline::Graph graph = build_graph(job);
    if (!options.save_graph.empty()) pipeline::save_graph(graph, options.save_graph);
    pipeline::Request request = make_request(common, graph);
    request.recipe = recipe(job, place(common));
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
    RunFacts facts;
    facts.total_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    facts.load_s = engine_->models().load_seconds() - loaded_before;
    if (common.json) {
      print_json(describe_run(job, report, place(common), facts));
      return;
    }
    for (const pipeline::NodeReport& node : report.nodes) {
      const auto path = node.facts.find("path");
      if (path != node.facts.end()) std::cout << path->second << std::endl;
    }
    if (common.verbose) std::cerr << describe_run(job, report, place(common), facts) << "\n";
  }

  VerbOptions options_;
  std::unique_ptr<pipeline::Engine> engine_;
};

}  // namespace

void add_generate_verb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("generate", "Text to video");
  auto options = std::make_shared<VerbOptions>();
  GenerateOptions& job = options->job;
  verb->footer(
      "Example: reel generate \"a rocket moving up in space\" -o rocket.mp4\n"
      "Defaults for size, frames, steps, guidance and fps come from the model's folder.");
  verb->add_option("prompt", job.prompt, "what is to be seen");
  verb->add_option(
      "-o,--output", job.output,
      "file.(mp4|webm|gif|y4m), or a png pattern such as frame_%05d.png; default: named after the prompt");
  verb->add_option("--negative", job.negative, "what is not to be seen");
  verb->add_option("--prompts", options->prompts_file,
                   "one job a line: a prompt, or a JSON object of options; - for standard input");
  verb->add_option("--prompt-at", job.prompt_keys, "FRAME:TEXT, repeatable: prompts at chosen frames")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb->add_option(
      "--synopsis", job.synopsis,
      "FILE or \"a; b; c\": stages spread over the frames, in place of a prompt; FRAME:TEXT says where");
  verb->add_option("--prompt-blend,--synopsis-blend", job.prompt_blend,
                   "between two --prompt-at frames, or two stages of a synopsis")
      ->check(CLI::IsMember({"linear", "hold"}))
      ->capture_default_str();
  verb->add_option("--frames", job.frames, "number of frames")->check(CLI::Range(1, 4096));
  verb->add_option("--size", job.size, "WIDTHxHEIGHT in pixels");
  verb->add_option("--fps", job.fps, "frames a second of the file")->check(CLI::Range(0.01, 1000.0));
  verb->add_option("--steps", job.steps, "denoising steps")->check(CLI::Range(1, 10000));
  verb->add_option("--guidance", job.guidance, "classifier-free guidance scale; at most 1: none")
      ->check(CLI::Range(0.0, 100.0));
  verb->add_option("--guidance-rescale", job.guidance_rescale, "share of the deviation restored, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_option("--scheduler", job.scheduler,
                   "NAME[:opt=v,...], see reel schedulers; default: the model's");
  verb->add_option("--edit", job.edits, "NAME[:opt=v,...][@selector], repeatable, in order; see reel edits")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb->add_option("--preview", job.preview,
                   "every N steps, show the middle frame so far in NAME.preview.png beside the output");
  verb->add_flag("--compare", job.compare, "also the unedited video of the same seed, and both side by side");
  verb->add_option("--lora", job.loras, "FILE[:weight], repeatable")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb->add_option("--clip-skip", job.clip_skip, "text encoder layers left out at the end")
      ->check(CLI::Range(0, 24))
      ->capture_default_str();
  verb->add_option("--save-graph", job.save_graph, "write the job as a graph file");
  verb->add_flag("--dry-run", options->dry_run,
                 "print the plan, the memory it needs and the sites that edits match; load nothing");
  verb->add_option("--crf", job.crf, "constant quality of the file, smaller is better")
      ->check(CLI::Range(0, 63));
  verb->add_option("--codec", job.codec, "h264, h265, vp9 or av1; default: the format's usual one");
  verb->add_flag("--no-recipe", job.no_recipe, "do not store in the file how it was made");
  verb->add_flag("-y,--overwrite", job.overwrite, "replace existing files");
  verb->add_option("--init-latents", job.initial_latents,
                   "safetensors with `latents` [B,C,F,h,w]: start noise of unit variance");
  verb->add_option("--step-noise", job.step_noise,
                   "safetensors with `noise` [steps,B,C,F,h,w] for stochastic schedulers");
  verb->add_option("--save-tensors", job.save_tensors,
                   "write prompt_embeds, negative_prompt_embeds, latents and frames as safetensors");
  add_common_options(*verb, options->common);
  verb->callback([options, &action] { action = [options] { return GenerateRun(*options).run(); }; });
}

}  // namespace reel::app
