// `reel graph run`: executes a graph file, remembering results from run to run.
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "app/assignment.h"
#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/notes.h"
#include "app/session/options/value_option.h"
#include "app/session/own_outputs.h"
#include "app/session/plugins.h"
#include "app/session/print_json.h"
#include "app/session/run_guarded.h"
#include "app/session/session.h"
#include "app/verbs.h"
#include "pipeline/graph/graph_change.h"
#include "pipeline/graph/graph_json.h"
#include "pipeline/run/disk_cache.h"
#include "pipeline/run/file_stamp.h"

namespace reel::app {
namespace {

using nlohmann::json;
using pipeline::Graph;

struct GraphRunOptions {
  CommonOptions common;
  std::string file, output_dir, cache_dir = pipeline::default_cache_dir();
  std::vector<std::string> settings, only;
  size_t cache_size_mb = 8192;
  bool watch = false, overwrite = false, no_cache = false;
};

/// The file with --set and --seed applied. `named` receives the inputs that --set gave.
Graph load(const GraphRunOptions& options, std::set<pipeline::InputName>& named) {
  const pipeline::NodeRegistry& nodes = plugins().nodes;
  Graph graph = pipeline::read_graph(options.file);
  for (const std::string& text : options.settings) {
    const auto [target, value] = split_assignment(text, "--set 3.steps=20");
    graph = pipeline::set_input(nodes, std::move(graph), target, value);
    const auto [node, input] = pipeline::split_input(graph, target);
    named.insert({node, input});
  }
  for (pipeline::Node& node : graph.nodes) {
    const pipeline::NodeSpec* spec = nodes.find(node.spec);
    if (!spec) continue;
    for (const pipeline::Socket& socket : spec->inputs) {
      const auto given = node.inputs.find(socket.name);
      const bool linked = given != node.inputs.end() && std::holds_alternative<pipeline::Link>(given->second);
      if (socket.seed && options.common.seed && !linked) {
        const uint64_t seed = *options.common.seed;
        if (seed <= uint64_t{INT64_MAX})
          node.inputs[socket.name] = static_cast<int64_t>(seed);
        else
          node.inputs[socket.name] = seed;
      }
    }
  }
  return graph;
}

json node_json(const pipeline::NodeReport& node) {
  json edits = json::array();
  for (const auto& edit : node.edits) {
    edits.push_back({{"edit", edit.edit},
                     {"sites", edit.sites.size()},
                     {"calls", edit.calls},
                     {"path", edit.path},
                     {"facts", edit.facts}});
  }
  return {{"id", node.id},
          {"class", node.spec},
          {"cached", node.cached},
          {"seconds", node.seconds},
          {"peak_bytes", node.peak_bytes},
          {"facts", node.facts},
          {"edits", edits}};
}

void print(const GraphRunOptions& options, const pipeline::Report& report, double seconds) {
  json nodes = json::array(), paths = json::array();
  size_t ran = 0;
  for (const pipeline::NodeReport& node : report.nodes) {
    ran += !node.cached;
    nodes.push_back(node_json(node));
    if (const auto path = node.facts.find("path"); path != node.facts.end()) paths.push_back(path->second);
  }
  note_nodes(options.common, report);
  if (options.common.json) {
    const json all = {{"graph", options.file},
                      {"outputs", paths},
                      {"nodes", nodes},
                      {"warnings", report.warnings},
                      {"seconds", seconds}};
    return print_json(all.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  for (const json& path : paths) std::cout << path.get<std::string>() << std::endl;
  for (const pipeline::NodeReport& node : report.nodes) {
    for (const pipeline::Shown& shown : node.shown) {
      if (shown.kind == "text" && shown.file.empty()) std::cout << node.id << ": " << shown.text << std::endl;
    }
  }
  note(options.common, "ran " + std::to_string(ran) + " of " + std::to_string(report.nodes.size()) +
                           " nodes, " + std::to_string(report.nodes.size() - ran) + " cached, in " +
                           std::to_string(seconds).substr(0, std::to_string(seconds).find('.') + 3) + " s");
}

/// What a node refuses is a fault of the graph that gave it the value.
[[noreturn]] void throw_as_graph_error(const Graph& graph, const std::string& message,
                                       const std::string& file) {
  for (const pipeline::Node& node : graph.nodes) {
    const std::string place = pipeline::node_place(node.id, node.spec) + ": ";
    if (!message.starts_with(place)) continue;
    throw pipeline::GraphError({{node.id, "", "custom_validation_failed", "values that the node takes",
                                 message.substr(place.size()), "", node.spec}},
                               file);
  }
  throw std::invalid_argument(message);
}

void run_once(const GraphRunOptions& options, pipeline::Engine& engine, OwnOutputs& own) {
  const auto start = std::chrono::steady_clock::now();
  pipeline::WriteAccess access{.folder = options.output_dir,
                               .replace = options.overwrite,
                               .is_own = [&own](const std::string& path) { return own.contains(path); }};
  const Graph graph = load(options, access.named);
  pipeline::Report report;
  try {
    pipeline::Request request = make_request(options.common, graph, options.only);
    request.access = std::move(access);
    report = engine.run(request).report;
  } catch (const pipeline::GraphError& error) {
    throw pipeline::GraphError(error.problems(), options.file);
  } catch (const std::invalid_argument& error) {
    throw_as_graph_error(graph, error.what(), options.file);
  }
  for (const pipeline::NodeReport& node : report.nodes) {
    if (const auto path = node.facts.find("path"); path != node.facts.end()) own.add(path->second);
    for (const std::string& path : node.written) own.add(path);
  }
  print(options, report, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

/// Runs whenever the file changes, until interrupted. A graph that is wrong, as files are while they are
/// changed, is reported and waited out.
int watch(const GraphRunOptions& options, pipeline::Engine& engine, OwnOutputs& own) {
  while (true) {
    const std::string stamp = pipeline::file_stamp(options.file);
    const int code =
        run_guarded(voice_of(options.common), [&] { return run_once(options, engine, own), int{kDone}; });
    if (code == kInterrupted) return code;
    note(options.common, "waiting for changes of " + options.file + " (Ctrl-C ends)");
    std::string now;
    do {
      if (stop_request()) return kInterrupted;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      now = pipeline::file_stamp(options.file);
    } while (now == stamp || now.empty());
  }
}

int run(const GraphRunOptions& options) {
  if (options.watch && options.file == "-")
    throw std::invalid_argument("[graph run] --watch needs a file, got standard input; save it first");
  make_output_folder(options.output_dir);
  const std::string cache_dir = options.no_cache ? "" : options.cache_dir;
  OwnOutputs own(cache_dir);
  pipeline::EngineOptions of_engine = engine_options(options.common);
  if (!options.output_dir.empty()) of_engine.output_folder = options.output_dir;
  of_engine.cache_dir = cache_dir, of_engine.disk_cache_bytes = options.cache_size_mb << 20;
  of_engine.before_naming = [&own](const std::string& path, const std::string& stamp) {
    own.expect(path, stamp);
  };
  pipeline::Engine engine(plugins(), std::move(of_engine));
  if (options.watch) return watch(options, engine, own);
  run_once(options, engine, own);
  return kDone;
}

}  // namespace

void add_graph_run_verb(CLI::App& graph, Action& action) {
  CLI::App* verb = graph.add_subcommand(
      "run", "Executes a graph; results are remembered, so that only what changed runs again");
  auto options = std::make_shared<GraphRunOptions>();
  verb->footer("Example: reel graph run g.json --set 3.steps=10 -y");
  verb->add_option("file", options->file, "graph file; - for standard input")->required();
  add_texts(*verb, "--set", options->settings, "ID.input=value for this run, repeatable");
  add_texts(*verb, "--only", options->only, "id of a node: run what it needs and nothing else, repeatable");
  add_switch(*verb, "--watch", options->watch, "run again whenever the file changes");
  add_switch(*verb, "-y,--overwrite", options->overwrite,
             "replace existing output files; those of earlier runs, unchanged since, are replaced anyway");
  verb->add_option(
      "--output-dir", options->output_dir,
      "the graph writes below this folder and nowhere else; default: the working folder, and output/ in it "
      "for SaveVideo");
  verb->add_option("--cache-dir", options->cache_dir, "where results are kept for later runs")
      ->capture_default_str();
  add_value(*verb, "--cache-size", options->cache_size_mb, "MiB of results kept there",
            {.range = {{1, 1 << 24}}});
  add_switch(*verb, "--no-cache", options->no_cache,
             "keep nothing on disk, use nothing from there, whatever --cache-dir and --cache-size say");
  add_common_options(*verb, options->common,
                     {.model = false, .seed = false});  // a graph names its models itself
  add_value(*verb, "--seed", options->common.seed, "replaces every seed of the graph",
            {.type = ValueType::kSeed, .way_out = "leave it out for those of the graph"})
      ->group("Common options");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace reel::app
