// `reel replay`: makes a video again from the recipe stored in it.
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/notes.h"
#include "app/session/options/value_option.h"
#include "app/session/plugins.h"
#include "app/session/print_json.h"
#include "app/session/session.h"
#include "app/verbs.h"
#include "pipeline/graph/graph_reader.h"
#include "pipeline/jobs/recipe.h"
#include "pipeline/jobs/replay/recipe_files.h"
#include "pipeline/jobs/replay/replay_graph.h"
#include "pipeline/media/output_target.h"
#include "pipeline/media/video_reader.h"
#include "pipeline/media/video_writer.h"

namespace reel::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct ReplayOptions {
  CommonOptions common;
  std::string input, output;
  std::vector<std::string> files;
  bool overwrite = false;
};

std::string tag(const std::map<std::string, std::string>& tags, const std::string& name) {
  const auto found = tags.find(name);
  return found == tags.end() ? "" : found->second;
}

std::string default_output(const std::string& input) {
  const fs::path path(input);
  return (path.parent_path() / (path.stem().string() + "-replay" + path.extension().string())).string();
}

/// A replay makes what the file shows and nothing larger: sizes in a recipe are somebody's claims.
void check_size(const pipeline::Engine& engine, const pipeline::Graph& graph, const std::string& node,
                const std::string& input, media::VideoReader& original) {
  const media::VideoInfo info = original.info();
  const auto even = [](int64_t side) { return side + side % 2; };  // as formats with halved colours pad
  const auto made = engine.foresee_frames(graph, node);
  if (made && made->size() == 4 && (*made)[0] == info.frames &&
      ((*made)[1] == info.height || even((*made)[1]) == info.height) &&
      ((*made)[2] == info.width || even((*made)[2]) == info.width))
    return;
  if (made && made->size() == 4 && info.frames == 1 && fs::path(input).extension() == ".png") {
    throw std::runtime_error("[" + pipeline::printable(input) + "] is one picture, its recipe makes " +
                             std::to_string((*made)[0]) +
                             "; a replay needs the whole video, so keep an .mp4 or .webm of it");
  }
  const auto text = [](int64_t frames, int64_t width, int64_t height) {
    return std::to_string(frames) + " frames of " + std::to_string(width) + "x" + std::to_string(height);
  };
  throw std::runtime_error("[" + pipeline::printable(input) + "] has " +
                           text(info.frames, info.width, info.height) + ", its recipe makes " +
                           (made && made->size() == 4 ? text((*made)[0], (*made)[2], (*made)[1])
                                                      : std::string("something of unknown size")) +
                           "; was it edited by hand? `reel graph run` runs graphs that you have looked at");
}

int replay(ReplayOptions options) {
  const auto original = media::VideoReader::open(options.input);
  const auto tags = original->metadata();
  const std::string graph_text = tag(tags, "prompt"), recipe_text = tag(tags, "reel");
  if (graph_text.empty()) {
    throw std::runtime_error("[" + options.input +
                             "] carries no recipe; only files that reel wrote with one (mp4, webm; no "
                             "--no-recipe) can be replayed");
  }
  const pipeline::NodeRegistry& nodes = plugins().nodes;
  const pipeline::Recipe recipe = pipeline::read_recipe(recipe_text, options.input + ": reel");
  const std::string node_id = tag(tags, "reel_node").empty() ? "write" : tag(tags, "reel_node");
  pipeline::Graph graph = pipeline::replay_graph(
      nodes, pipeline::parse_graph(graph_text, options.input + ": prompt"), node_id, options.input);
  const std::string output = options.output.empty() ? default_output(options.input) : options.output;
  media::check_output(output, {.overwrite = options.overwrite});

  std::vector<std::string> warnings;
  pipeline::locate_files(nodes, graph, recipe,
                         {.model = options.common.model,
                          .motion_adapter = options.common.motion_adapter,
                          .files = options.files,
                          .models = models::model_search_path(options.common.models_dirs),
                          .beside = {fs::path(options.input).parent_path().string(), "."}},
                         options.input, warnings);
  pipeline::Node* write = graph.find(node_id);
  write->inputs["path"] = output, write->inputs["overwrite"] = options.overwrite;
  // Codec and quality of the original are its format's.
  if (fs::path(output).extension() != fs::path(options.input).extension())
    write->inputs.erase("codec"), write->inputs.erase("crf");
  if (options.common.dtype == "auto" && !recipe.dtype.empty()) options.common.dtype = recipe.dtype;
  if (!recipe_text.empty() && recipe.version != REEL_VERSION)
    warnings.push_back("made by reel " + recipe.version + ", this is " REEL_VERSION "; frames may differ");

  const auto engine = make_engine(options.common);
  check_size(*engine, graph,
             write->inputs.contains("video") ? std::get<pipeline::Link>(write->inputs["video"]).node : "",
             options.input, *original);
  pipeline::Request request = make_request(options.common, graph, {node_id});
  request.recipe = recipe_text;
  request.access.replace = options.overwrite;
  const pipeline::Report report = engine->run(request).report;
  note_nodes(options.common, report);
  const pipeline::NodeReport* written = report.find(node_id);
  if (!written || !media::is_there(output, original->info().frames))
    throw std::logic_error("the replay ended without '" + output + "'");
  const std::string before = tag(tags, "reel_frames"), after = written->facts.at("frames_sha256");
  const bool same = !before.empty() && before == after;
  if (!before.empty() && !same)
    warnings.push_back("the frames differ from the original's (other machine, build or model files?)");
  for (const std::string& warning : warnings) warn(options.common, warning);
  if (options.common.json) {
    print_json(
        json{{"path", output}, {"frames_sha256", after}, {"same_frames", same}, {"warnings", warnings}}.dump(
            -1, ' ', false, json::error_handler_t::replace));
  } else {
    std::cout << output << std::endl;
    if (same) note(options.common, "the frames are the same, bit for bit");
  }
  return kDone;
}

}  // namespace

void add_replay_verb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("replay", "Makes a video again from the recipe stored in it");
  auto options = std::make_shared<ReplayOptions>();
  verb->add_option("video", options->input, "an mp4 or webm that reel wrote")->required();
  verb->add_option("-o,--output", options->output, "default: NAME-replay beside the original");
  add_switch(*verb, "-y,--overwrite", options->overwrite, "replace an existing file");
  verb->footer("Example: reel replay rocket.mp4 -o again.mp4");
  add_texts(*verb, "--file", options->files, "a LoRA or noise file that the recipe names, repeatable");
  options->common.model.clear();
  add_common_options(*verb, options->common, {.seed = false});  // a recipe holds its seeds
  verb->get_option("--model")->description(
      "the recipe's model: a name or a folder; default: looked up by its hash");
  verb->callback([options, &action] { action = [options] { return replay(*options); }; });
}

}  // namespace reel::app
