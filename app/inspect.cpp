// `reel inspect`: attention maps of chosen sites as safetensors, picture or video.
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "app/app.h"
#include "app/generate_job.h"
#include "models/safetensors.h"
#include "pipeline/attention_maps.h"
#include "pipeline/media/video_writer.h"

namespace reel::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Options {
  CommonOptions common;
  GenerateOptions job;
  std::string output = "attention.png", where = "kind=temporal", keep = "mean";
  int64_t budget_mb = 512;
};

/// One picture of all steps under each other for a single png, else one frame per step.
at::Tensor arrange(const at::Tensor& pictures, const std::string& output) {
  const bool one_picture = output.ends_with(".png") && output.find('%') == std::string::npos;
  if (!one_picture || pictures.size(0) == 1) return pictures;
  return pictures.mean(0, true);  // the mean over the steps: a picture that stays readable
}

int inspect(const Options& options) {
  GenerateOptions generate = options.job;
  const bool raw = options.output.ends_with(".safetensors");
  const std::string tensors =
      raw ? options.output : options.output + "." + std::to_string(getpid()) + ".maps";
  if (!raw) media::check_output(options.output, {.overwrite = generate.overwrite});
  if (raw && fs::exists(tensors) && !generate.overwrite) {
    throw std::runtime_error("[" + tensors + "] exists; use -y to replace it, or another name");
  }
  generate.output = "unused-" + std::to_string(getpid()) + ".mp4";  // the graph ends at the sampler
  const GenerateJob job = resolve_job(generate, options.common);
  pipeline::Graph graph = build_graph(job);
  pipeline::Node tap{"tap",
                     "TapAttention",
                     {{"model", graph.find("sampler")->inputs.at("model")},
                      {"selector", options.where},
                      {"keep", options.keep},
                      {"file", tensors},
                      {"budget_mb", options.budget_mb}},
                     ""};
  graph.nodes.push_back(std::move(tap));
  graph.find("sampler")->inputs["model"] = pipeline::Link{"tap", 0};

  auto executor = make_executor(options.common);
  const std::vector<std::string> outputs = {"sampler"};
  const pipeline::Report report = executor->run(graph, outputs);
  const auto& edits = report.find("sampler")->edits;
  const attention::EditReport& record = edits.back();
  if (record.sites.empty())
    throw std::invalid_argument("[inspect] no attention site matches '" + options.where +
                                "'; see reel generate --dry-run --edit tap");
  if (!raw) {
    const auto file = models::SafetensorsFile::open(tensors);
    std::map<std::string, at::Tensor> maps;
    for (const auto& entry : file->tensors())
      maps[entry.first] = models::SafetensorsFile::view(file, entry.first);
    const at::Tensor pictures = arrange(pipeline::draw_attention_maps(maps), options.output);
    const media::Frames frames{(pictures * 255).round().to(at::kByte).contiguous(), 4};
    fs::remove(tensors);
    media::write_video(options.output, frames, {.fps = 4, .overwrite = generate.overwrite});
  }
  if (options.common.json) {
    print_json(
        json{{"path", options.output}, {"seed", job.seed}, {"sites", record.sites}, {"facts", record.facts}}
            .dump());
    return kDone;
  }
  std::cout << options.output << std::endl;
  if (!options.common.quiet) {
    for (const std::string& site : record.sites) std::cerr << "  " << site << "\n";
  }
  return kDone;
}

}  // namespace

void add_inspect_verb(CLI::App& app, Action& action) {
  CLI::App* verb =
      app.add_subcommand("inspect", "Attention maps of chosen sites as picture, video or tensors");
  auto options = std::make_shared<Options>();
  GenerateOptions& job = options->job;
  verb->add_option("prompt", job.prompt, "what the video is to show")->required();
  verb->add_option("-o,--output", options->output,
                   ".png (mean over the steps), .mp4/.webm/.gif (a frame per step) or .safetensors")
      ->capture_default_str();
  verb->add_option("--where", options->where, "selector of the sites, as in --edit NAME@selector")
      ->capture_default_str();
  verb->add_option("--keep", options->keep, "mean over sequences and heads, mean over sequences, or all")
      ->check(CLI::IsMember({"mean", "heads", "maps"}))
      ->capture_default_str();
  verb->add_option("--budget-mb", options->budget_mb, "MiB of maps kept; further ones are dropped")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  verb->add_option("--edit", job.edits, "edits to look at, as in reel generate")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb->add_option("--frames", job.frames, "number of frames")->check(CLI::Range(1, 4096));
  verb->add_option("--size", job.size, "WIDTHxHEIGHT in pixels");
  verb->add_option("--steps", job.steps, "denoising steps")->check(CLI::Range(1, 10000));
  verb->add_option("--guidance", job.guidance, "guidance scale")->check(CLI::Range(0.0, 100.0));
  verb->add_option("--scheduler", job.scheduler, "NAME[:opt=v,...]");
  verb->add_flag("-y,--overwrite", job.overwrite, "replace an existing file");
  verb->footer(
      "Example: reel inspect \"a rocket moving up in space\" --where \"kind=temporal layer=up_blocks.1.*\" "
      "-o maps.png");
  add_common_options(*verb, options->common);
  verb->callback([options, &action] { action = [options] { return inspect(*options); }; });
}

}  // namespace reel::app
