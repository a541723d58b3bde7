#include "app/eval/eval_source.h"

#include <nlohmann/json.hpp>
#include <set>

#include "app/session/notes.h"
#include "app/session/placement.h"
#include "app/session/plugins.h"
#include "app/session/session.h"
#include "app/session_job.h"
#include "pipeline/evaluation/world/degrade.h"
#include "pipeline/evaluation/world/render.h"
#include "pipeline/jobs/generate_graph.h"
#include "pipeline/media/video_writer.h"

namespace reel::app {
namespace {

using nlohmann::json;

class TruthSource final : public VideoSource {
 public:
  explicit TruthSource(const EvalPlan& plan)
      : plan_(plan), degradation_(world::degradation(plan.options.degrade)) {}

  media::Frames make(const EvalTask& task) override {
    world::Dice dice(~task.seed);  // another stream than that of the prompts, which starts from a seed too
    const at::Tensor video = plan_.subject->truth(task.number, dice);
    media::Frames frames = world::to_frames(plan_.world, world::degrade(video, degradation_, dice));
    if (!task.save_path.empty()) {
      media::write_video(
          task.save_path, frames,
          {.fps = frames.fps, .overwrite = plan_.options.job.overwrite, .frames = frames.pixels.size(0)});
    }
    return frames;
  }

  std::string describe() const override {
    return json{{"source", "truth"},
                {"options",
                 {{"degrade", plan_.options.degrade},
                  {"frames", plan_.world.num_frames},
                  {"width", plan_.world.width},
                  {"height", plan_.world.height}}}}
        .dump();
  }

 private:
  const EvalPlan& plan_;
  world::Degradation degradation_;
};

class ModelSource final : public VideoSource {
 public:
  explicit ModelSource(const EvalPlan& plan) : plan_(plan) {
    const Placement placement = place(plan.options.common);
    for (size_t v = 0; v < plan.variants.size(); ++v) example_ = job_of({.variant = v});
    if (*example_.options.frames < 2) {
      throw std::invalid_argument("[--frames] motion needs at least 2 frames, got " +
                                  std::to_string(*example_.options.frames) + "; the world's videos have 16");
    }
    for (const std::string& sentence : example_.unused) warn(sentence);
    place_ = job_place(example_, placement);
    pipeline::EngineOptions options = engine_options(plan.options.common);
    options.cache_bytes = size_t{256}
                          << 20;  // only the last prompt's embeddings and frames are asked for again
    engine_ = std::make_unique<pipeline::Engine>(plugins(), std::move(options));
  }

  media::Frames make(const EvalTask& task) override {
    const pipeline::GenerateJob job = job_of(task);
    pipeline::Request request{
        .graph = pipeline::build_graph(job), .outputs = {"video"}, .stop = &stop_request()};
    // The bar counts videos, not nodes, and a warning holds for all of them.
    request.listener = [this](const pipeline::Event& event) {
      if (const auto* warning = std::get_if<pipeline::Warning>(&event.what)) warn(warning->message);
    };
    if (!task.save_path.empty()) {
      request.outputs.push_back("write");
      request.recipe = pipeline::write_recipe(job, place_);
    }
    const pipeline::RunResult result = engine_->run(request);
    const pipeline::Report& report = result.report;
    if (!job.options.edits.empty()) edits_ = report.find("sampler")->edits;
    for (const attention::EditReport& edit : edits_) {
      if (edit.sites.empty())
        warn("[--edit] '" + edit.edit + "' matches no site of this model, so it changes nothing");
    }
    return std::get<media::Frames>(result.wanted.at("video")->values.front());
  }

  std::string describe() const override {
    const pipeline::GenerateOptions& o = example_.options;
    json edits = json::array();
    for (const attention::EditReport& edit : edits_) {
      edits.push_back({{"edit", edit.edit},
                       {"sites_matched", edit.sites.size()},
                       {"calls", edit.calls},
                       {"path", edit.path}});
    }
    return json{
        {"source", "model"},
        {"model", {{"name", example_.choice.name}, {"path", example_.model.path}, {"hash", place_.weights}}},
        {"edits", edits},
        {"options",
         {{"frames", *o.frames},
          {"width", example_.width},
          {"height", example_.height},
          {"steps", *o.steps},
          {"guidance", *o.guidance},
          {"guidance_rescale", *o.guidance_rescale},
          {"scheduler", o.scheduler},
          {"edit", plan_.options.job.edits},
          {"device", place_.device},
          {"dtype", place_.dtype}}}}
        .dump();
  }

 private:
  void warn(const std::string& message) {
    if (!plan_.options.common.quiet && warned_.insert(message).second)
      app::warn(plan_.options.common, message);
  }

  pipeline::GenerateJob job_of(const EvalTask& task) const {
    pipeline::GenerateOptions options = plan_.options.job;
    plan_.subject->set_prompt(task.number, options);
    options.output = task.save_path.empty() ? "unused.y4m" : task.save_path;
    options.overwrite |= task.save_path.empty();
    options.edits = plan_.variants[task.variant].edits;
    options.seed = task.seed;
    return session_job(options, plan_.options.common);
  }

  const EvalPlan& plan_;
  pipeline::GenerateJob example_;  // of the last variant
  pipeline::JobPlace place_;
  std::unique_ptr<pipeline::Engine> engine_;
  std::set<std::string> warned_;
  std::vector<attention::EditReport> edits_;  // of the last edited video
};

}  // namespace

std::unique_ptr<VideoSource> truth_source(const EvalPlan& plan) {
  return std::make_unique<TruthSource>(plan);
}

std::unique_ptr<VideoSource> model_source(const EvalPlan& plan) {
  return std::make_unique<ModelSource>(plan);
}

}  // namespace reel::app
