// `reel eval world`: measured quality on a closed world whose truth is known.
#include <chrono>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/eval.h"
#include "app/progress.h"
#include "models/model_folder.h"
#include "models/part_file.h"
#include "pipeline/media/video_writer.h"
#include "pipeline/world/degrade.h"

namespace reel::app {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The prompts of a seed, in an order in which every beginning holds the asked share of two objects: an
/// interrupted run, or one with fewer prompts, is a part of the whole one.
std::vector<EvalTask> make_tasks(const world::World& world, const EvalOptions& options) {
  const uint64_t seed = *options.common.seed;
  world::Dice dice(seed);
  std::vector<EvalTask> tasks;
  const bool pairs = !options.job.edits.empty();
  // Videos are kept as .mp4 or, in a build that writes none, as .y4m.
  const std::string extension = media::output_formats().count("mp4") ? ".mp4" : ".y4m";
  for (int i = 0; i < options.prompts; ++i) {
    const bool two = std::floor((i + 1) * options.two_fraction) > std::floor(i * options.two_fraction);
    const world::Scene scene = world::sample_scene(world, dice, two ? 1 : 0);
    const std::string prompt = world::prompt_of(world, scene);
    for (int repeat = 0; repeat < options.seeds; ++repeat) {
      for (const bool edited : {false, true}) {
        if (edited && !pairs) continue;
        const uint64_t own = seed + static_cast<uint64_t>(i) * options.seeds + repeat;
        EvalTask task{i, prompt, scene, own, edited, ""};
        if (!options.save.empty()) {
          char name[64];
          std::snprintf(name, sizeof name, "%04d-%llu%s%s", i + 1, static_cast<unsigned long long>(own),
                        pairs ? edited ? "-edited" : "-unedited" : "", extension.c_str());
          task.save_path = (std::filesystem::path(options.save) / name).string();
        }
        tasks.push_back(std::move(task));
      }
    }
  }
  return tasks;
}

void check_options(const EvalOptions& options) {
  const auto refuse = [](const std::string& option, const std::string& message) {
    throw std::invalid_argument("[" + option + "] " + message);
  };
  if (options.truth) {
    if (!options.job.edits.empty())
      refuse("--edit", "changes a model, and --truth runs none; leave one of them out");
    if (!options.job.size.empty() || options.job.frames)
      refuse(options.job.frames ? "--frames" : "--size",
             "is a model's, and the truth has the world's; leave it out");
  } else if (options.degrade != "none") {
    refuse("--degrade", "changes rendered truth; add --truth");
  }
  world::degradation(options.degrade);
  const size_t dot = options.output.rfind(".csv");
  if (!options.output.empty() && (dot == std::string::npos || dot + 4 != options.output.size()))
    refuse("-o", "must name a .csv file, got '" + options.output + "'");
}

class EvalRun {
 public:
  explicit EvalRun(EvalOptions options) : options_(std::move(options)) {}

  int run() {
    const auto start = Clock::now();
    check_options(options_);
    const world::World world = world::load_world(
        options_.world.empty() ? models::assets_folder() + "/world" : options_.world);
    const world::Scorer scorer(world);
    const auto source = options_.truth ? truth_source(world, options_) : model_source(options_);
    place(options_.common);
    const std::vector<EvalTask> tasks = make_tasks(world, options_);
    std::unique_ptr<models::PartFile> csv;
    if (!options_.output.empty()) {
      csv = std::make_unique<models::PartFile>(options_.output, options_.job.overwrite);
      append(*csv, csv_header());
    }
    if (!options_.save.empty()) std::filesystem::create_directories(options_.save);
    for (const EvalTask& task : tasks) {
      if (!task.save_path.empty()) media::check_output(task.save_path, {.overwrite = options_.job.overwrite});
    }

    Evaluation evaluation{world, options_, {}, "", false, 0};
    CommonOptions shown = options_.common;
    if (shown.verbose && shown.progress == "auto") shown.progress = "none";  // lines would break the bar
    const auto tell = make_progress(shown);
    report(tell, "start", 0, tasks.size());
    try {
      for (const EvalTask& task : tasks) {
        if (stop_request()) throw pipeline::Cancelled();
        evaluation.rows.push_back(score(*source, scorer, task));
        if (csv) append(*csv, csv_line(world, evaluation.rows.back()));
        if (options_.common.verbose) std::cerr << describe_row(world, evaluation.rows.back());
        report(tell, "step", evaluation.rows.size(), tasks.size());
      }
    } catch (const pipeline::Cancelled&) {
      evaluation.interrupted = true;
    }
    report(tell, "done", evaluation.rows.size(), tasks.size());
    if (csv) csv->commit();
    evaluation.source = source->describe();
    evaluation.seconds = seconds_since(start);
    if (options_.common.json)
      print_json(evaluation_json(evaluation));
    else
      std::cout << evaluation_table(evaluation) << std::flush;
    if (!evaluation.interrupted) return kDone;
    std::cerr << "reel: interrupted after " << evaluation.rows.size() << " of " << tasks.size()
              << " videos; the numbers are theirs" << std::endl;
    return kInterrupted;
  }

 private:
  static EvalRow score(VideoSource& source, const world::Scorer& scorer, const EvalTask& task) {
    EvalRow row{task, {}, 0, 0};
    const auto start = Clock::now();
    const media::Frames frames = source.make(task);
    row.make_s = seconds_since(start);
    row.score = scorer.score(frames.pixels, task.asked);
    row.score_s = seconds_since(start) - row.make_s;
    return row;
  }

  static void append(models::PartFile& file, const std::string& line) {
    file.write(line.data(), line.size());
  }

  static void report(const std::function<void(const pipeline::Progress&)>& tell, const char* stage,
                     size_t done, size_t all) {
    if (!tell) return;
    tell({"eval", "videos", stage, static_cast<int64_t>(done), static_cast<int64_t>(all), ""});
  }

  EvalOptions options_;
};

void add_world_verb(CLI::App& eval, Action& action) {
  CLI::App* verb = eval.add_subcommand(
      "world", "Right objects, motions and backgrounds of a model's videos of the emoji world");
  auto options = std::make_shared<EvalOptions>();
  GenerateOptions& job = options->job;
  verb->footer(
      "Example: reel eval world --prompts 100 --edit scale:factor=1.5@kind=temporal\n"
      "What is measured, and how far it can be trusted: docs/eval.md");
  verb->add_option("--prompts", options->prompts, "how many prompts to draw from the world's grammar")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  verb->add_option("--seeds", options->seeds, "videos of each prompt, with different start noise")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  verb->add_option("--two-fraction", options->two_fraction, "share of prompts with two objects")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  verb->add_option("--world", options->world,
                   "folder with world.json and its atlas (a picture or .safetensors); default: the bundled one");
  verb->add_flag("--truth", options->truth,
                 "score rendered truth instead of a model: how good is the scorer?");
  verb->add_option("--degrade", options->degrade, "what befalls the truth")
      ->check(CLI::IsMember(world::degradation_names()))
      ->capture_default_str();
  verb->add_option("--frames", job.frames, "number of frames; default: the model's")
      ->check(CLI::Range(2, 4096));
  verb->add_option("--size", job.size, "WIDTHxHEIGHT in pixels; default: the model's");
  verb->add_option("--steps", job.steps, "denoising steps; default: the model's")
      ->check(CLI::Range(1, 10000));
  verb->add_option("--guidance", job.guidance, "classifier-free guidance scale; default: the model's")
      ->check(CLI::Range(0.0, 100.0));
  verb->add_option("--guidance-rescale", job.guidance_rescale,
                   "share of the deviation restored; default: the model's")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_option("--scheduler", job.scheduler,
                   "NAME[:opt=v,...], see reel schedulers; default: the model's");
  verb->add_option("--edit", job.edits,
                   "NAME[:opt=v,...][@selector], repeatable: makes each video with and without, and compares")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb->add_option("-o,--output", options->output, "one line a video, as a .csv file");
  verb->add_option("--save", options->save, "folder in which the videos are kept; default: they are not");
  verb->add_flag("-y,--overwrite", job.overwrite, "replace existing files");
  add_common_options(*verb, options->common);
  options->common.seed = 0;
  verb->get_option("--seed")->description(
      "of the prompts; video k starts from noise SEED + k: numbers that repeat [0]");
  verb->callback([options, &action] { action = [options] { return EvalRun(*options).run(); }; });
}

}  // namespace

void add_eval_verb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("eval", "Measures quality on known truth");
  verb->require_subcommand(1);
  add_world_verb(*verb, action);
}

}  // namespace reel::app
