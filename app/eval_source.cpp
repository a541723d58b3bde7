// Where `reel eval` gets its videos from: rendered truth, or a model.
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "app/eval.h"
#include "app/generate_report.h"
#include "pipeline/media/video_writer.h"
#include "pipeline/world/degrade.h"

namespace reel::app {
namespace {

using nlohmann::json;

class TruthSource final : public VideoSource {
 public:
  TruthSource(const world::World& world, const EvalOptions& options)
      : world_(world), degradation_(world::degradation(options.degrade)), options_(options) {}

  media::Frames make(const EvalTask& task) override {
    world::Dice dice(~task.seed);  // another stream than that of the prompts, which starts from a seed too
    const world::Take take = world::sample_take(world_, task.asked, dice);
    const at::Tensor video = world::render(world_, task.asked, take);
    media::Frames frames = world::to_frames(world_, world::degrade(video, degradation_, dice));
    if (!task.save_path.empty()) {
      media::write_video(
          task.save_path, frames,
          {.fps = frames.fps, .overwrite = options_.job.overwrite, .frames = frames.pixels.size(0)});
    }
    return frames;
  }

  std::string describe() const override {
    return json{{"source", "truth"},
                {"options",
                 {{"degrade", options_.degrade},
                  {"frames", world_.num_frames},
                  {"width", world_.width},
                  {"height", world_.height}}}}
        .dump();
  }

 private:
  const world::World& world_;
  world::Degradation degradation_;
  const EvalOptions& options_;
};

class ModelSource final : public VideoSource {
 public:
  explicit ModelSource(const EvalOptions& options) : options_(options), placement_(place(options.common)) {
    example_ = job_of({.prompt = "a rocket moving up in space", .edited = true});
    if (example_.frames < 2) {
      throw std::invalid_argument("[--frames] motion needs at least 2 frames, got " +
                                  std::to_string(example_.frames) + "; the world's videos have 16");
    }
    executor_ = make_executor(options.common);
    // The bar counts videos, not nodes, and a warning holds for all of them.
    executor_->context().options.progress = [this](const pipeline::Progress& event) {
      if (event.stage == "warning") warn(event.message);
    };
    // Only the last prompt's embeddings and frames are asked for again.
    executor_->context().options.cache_bytes = size_t{256} << 20;
  }

  media::Frames make(const EvalTask& task) override {
    const GenerateJob job = job_of(task);
    std::vector<std::string> wanted = {"video"};
    if (!task.save_path.empty()) {
      wanted.push_back("write");
      executor_->context().recipe_json = recipe(job, placement_);
    }
    const pipeline::Report report = executor_->run(build_graph(job), wanted);
    if (task.edited) edits_ = report.find("sampler")->edits;
    for (const attention::EditReport& edit : edits_) {
      if (edit.sites.empty())
        warn("[--edit] '" + edit.edit + "' matches no site of this model, so it changes nothing");
    }
    return std::get<media::Frames>(executor_->values("video")->front());
  }

  std::string describe() const override {
    const GenerateOptions& o = example_.options;
    json edits = json::array();
    for (const attention::EditReport& edit : edits_) {
      edits.push_back({{"edit", edit.edit},
                       {"sites_matched", edit.sites.size()},
                       {"calls", edit.calls},
                       {"path", edit.path}});
    }
    return json{{"source", "model"},
                {"model",
                 {{"name", example_.model_name},
                  {"path", example_.model.path},
                  {"hash", model_fingerprint(example_.model)}}},
                {"edits", edits},
                {"options",
                 {{"frames", example_.frames},
                  {"width", example_.width},
                  {"height", example_.height},
                  {"steps", example_.steps},
                  {"guidance", example_.guidance},
                  {"guidance_rescale", example_.guidance_rescale},
                  {"scheduler", o.scheduler.empty() ? "model" : o.scheduler},
                  {"edit", o.edits},
                  {"device", placement_.device.str()},
                  {"dtype", dtype_name(dtype_of(example_, placement_))}}}}
        .dump();
  }

 private:
  void warn(const std::string& message) {
    if (!options_.common.quiet && warned_.insert(message).second)
      std::cerr << "reel: " << message << std::endl;
  }

  GenerateJob job_of(const EvalTask& task) const {
    GenerateOptions options = options_.job;
    CommonOptions common = options_.common;
    options.prompt = task.prompt;
    options.output = task.save_path.empty() ? "unused.y4m" : task.save_path;  // every build takes a .y4m
    options.overwrite |= task.save_path.empty();
    if (!task.edited) options.edits.clear();
    common.seed = task.seed;
    return resolve_job(options, common);
  }

  const EvalOptions& options_;
  Placement placement_;
  GenerateJob example_;
  std::unique_ptr<pipeline::Executor> executor_;
  std::set<std::string> warned_;
  std::vector<attention::EditReport> edits_;  // of the last edited video
};

}  // namespace

std::unique_ptr<VideoSource> truth_source(const world::World& world, const EvalOptions& options) {
  return std::make_unique<TruthSource>(world, options);
}

std::unique_ptr<VideoSource> model_source(const EvalOptions& options) {
  return std::make_unique<ModelSource>(options);
}

}  // namespace reel::app
