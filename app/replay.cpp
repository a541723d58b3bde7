// `reel replay`: makes a video again from the recipe stored in it.
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/notes.h"
#include "app/session/print_json.h"
#include "app/session/session.h"
#include "app/session/value_option.h"
#include "app/verbs.h"
#include "pipeline/graph/graph_reader.h"
#include "pipeline/jobs/recipe.h"
#include "pipeline/media/video_reader.h"
#include "pipeline/media/video_writer.h"

namespace reel::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct ReplayOptions {
  CommonOptions common;
  std::string input, output;
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

int replay(ReplayOptions options) {
  const auto tags = media::VideoReader::open(options.input)->metadata();
  const std::string graph_text = tag(tags, "prompt"), recipe_text = tag(tags, "reel");
  if (graph_text.empty()) {
    throw std::runtime_error("[" + options.input +
                             "] carries no recipe; only files that reel wrote with one (mp4, webm; no "
                             "--no-recipe) can be replayed");
  }
  pipeline::Graph graph = pipeline::parse_graph(graph_text, options.input + ": prompt");
  const std::string output = options.output.empty() ? default_output(options.input) : options.output;
  // The graph may write further files (comparisons); only the one that this file came from is made again.
  const std::string node_id = tag(tags, "reel_node").empty() ? "write" : tag(tags, "reel_node");
  pipeline::Node* write = graph.find(node_id);
  if (!write)
    throw std::runtime_error("[" + options.input + "] its recipe lacks the node '" + node_id +
                             "' that wrote it; was it edited by hand?");
  write->inputs["path"] = output, write->inputs["overwrite"] = options.overwrite;
  media::check_output(output, {.overwrite = options.overwrite});

  std::vector<std::string> warnings;
  if (const auto recipe = pipeline::read_recipe(recipe_text)) {
    if (options.common.dtype == "auto" && !recipe->dtype.empty()) options.common.dtype = recipe->dtype;
    if (recipe->version != REEL_VERSION)
      warnings.push_back("made by reel " + recipe->version + ", this is " REEL_VERSION "; frames may differ");
  }
  pipeline::Request request = make_request(options.common, graph, {node_id});
  request.recipe = recipe_text;
  const pipeline::Report report = make_engine(options.common)->run(request).report;
  note_nodes(options.common, report);
  const std::string before = tag(tags, "reel_frames"),
                    after = report.find(node_id) ? report.find(node_id)->facts.at("frames_sha256") : "";
  const bool same = !before.empty() && before == after;
  if (!before.empty() && !same)
    warnings.push_back("the frames differ from the original's (other machine, build or model files?)");
  for (const std::string& warning : warnings) warn(options.common, warning);
  if (options.common.json) {
    print_json(json{{"path", output}, {"frames_sha256", after}, {"same_frames", same}, {"warnings", warnings}}
                   .dump());
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
  add_common_options(*verb, options->common, {.model = false, .seed = false});  // the recipe has its own
  verb->callback([options, &action] { action = [options] { return replay(*options); }; });
}

}  // namespace reel::app
