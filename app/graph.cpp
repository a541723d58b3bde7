// `reel graph`: makes, changes, checks, shows and compares graph files.
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/assignment.h"
#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/options/value_option.h"
#include "app/session/own_outputs.h"
#include "app/session/plugins.h"
#include "app/session/print_json.h"
#include "app/session/session.h"
#include "app/verbs.h"
#include "models/files/part_file.h"
#include "models/files/utf8.h"
#include "models/model_folder.h"
#include "pipeline/graph/check.h"
#include "pipeline/graph/graph_change.h"
#include "pipeline/graph/graph_diff.h"
#include "pipeline/graph/graph_draw.h"
#include "pipeline/graph/graph_json.h"
#include "pipeline/graph/graph_svg.h"
#include "pipeline/run/disk_cache.h"
#include "pipeline/run/edit_misfits.h"

namespace reel::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using pipeline::Graph;

/// The options of all verbs below `reel graph`; each uses some.
struct GraphOptions {
  CommonOptions common;
  std::string file, second, name, id, output, output_dir, cache_dir = pipeline::default_cache_dir();
  std::vector<std::string> assignments;
  bool list = false, overwrite = false, dot = false, svg = false, exit_code = false;
};

std::map<std::string, std::string> templates() {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::directory_iterator(models::assets_folder() + "/graphs")) {
    if (entry.path().extension() == ".json") found[entry.path().stem().string()] = entry.path().string();
  }
  return found;
}

/// Where notes about a changed `-` go: the result is on stdout then, and what is said of it on stderr.
std::ostream& notes(const GraphOptions& options) { return options.file == "-" ? std::cerr : std::cout; }

void store(const Graph& graph, const std::string& path) {
  if (path == "-") {
    std::cout << models::json_escaped(pipeline::write_graph(graph)) << std::flush;
  } else {
    pipeline::save_graph(graph, path);
  }
}

int make_new(const GraphOptions& options) {
  const auto known = templates();
  if (options.list) {
    json names = json::array({"empty"});
    for (const auto& [name, path] : known) names.push_back(name);
    if (options.common.json) {
      print_json(names.dump());
    } else {
      for (const json& name : names) std::cout << name.get<std::string>() << "\n";
    }
    return kDone;
  }
  if (options.name.empty())
    throw std::invalid_argument("[graph new] needs the name of a template; see reel graph new --list");
  Graph graph;
  if (const auto found = known.find(options.name); found != known.end()) {
    graph = pipeline::read_graph(found->second);
  } else if (options.name != "empty") {
    std::vector<std::string> names = {"empty"};
    for (const auto& [name, path] : known) names.push_back(name);
    const std::string near = nearest_name(options.name, names);
    throw std::invalid_argument(
        "[graph new] '" + pipeline::printable(options.name) + "' is no template; " +
        (near.empty() ? "see reel graph new --list" : "did you mean '" + near + "'?"));
  }
  const bool to_file = !options.output.empty() && options.output != "-";
  if (to_file) models::check_target(options.output, options.overwrite);
  store(graph, to_file ? options.output : "-");
  return kDone;
}

int add(const GraphOptions& options) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const std::string& text : options.assignments) values.push_back(split_assignment(text, "steps=20"));
  const Graph graph = pipeline::add_node(plugins().nodes, pipeline::read_graph(options.file), options.name,
                                         options.id, values);
  store(graph, options.file);
  const std::string& id = graph.nodes.back().id;
  if (options.common.json && options.file != "-") {
    print_json(json{{"id", id}}.dump());
  } else if (!options.common.quiet) {
    notes(options) << id << std::endl;
  }
  return kDone;
}

int set(const GraphOptions& options) {
  Graph graph = pipeline::read_graph(options.file);
  for (const std::string& text : options.assignments) {
    const auto [target, value] = split_assignment(text, "3.steps=20");
    graph = pipeline::set_input(plugins().nodes, std::move(graph), target, value);
  }
  store(graph, options.file);
  return kDone;
}

int connect(const GraphOptions& options) {
  store(pipeline::connect(plugins().nodes, pipeline::read_graph(options.file), options.name, options.second),
        options.file);
  return kDone;
}

int remove(const GraphOptions& options) {
  std::vector<std::string> unconnected;
  store(pipeline::remove_node(pipeline::read_graph(options.file), options.id, unconnected), options.file);
  if (options.common.json && options.file != "-") {
    print_json(json{{"unconnected", unconnected}}.dump());
  } else if (!options.common.quiet) {
    for (const std::string& input : unconnected)
      notes(options) << "unconnected: " << pipeline::printable(input) << "\n";
  }
  return kDone;
}

json problem_json(const pipeline::Problem& problem) {
  return {{"node", problem.node}, {"socket", problem.socket},     {"class", problem.spec},
          {"kind", problem.kind}, {"expected", problem.expected}, {"found", problem.found},
          {"hint", problem.hint}};
}

int check(const GraphOptions& options) {
  const Graph graph = pipeline::read_graph(options.file);
  const auto warnings = pipeline::undeclared_inputs(plugins().nodes, graph);
  for (const pipeline::Problem& warning : warnings) std::cerr << "reel: warning: " << warning.text() << "\n";
  auto problems = pipeline::check(plugins().nodes, graph);
  if (problems.empty()) {
    pipeline::EngineOptions of_engine = engine_options(options.common);
    if (!options.output_dir.empty()) of_engine.output_folder = options.output_dir;
    pipeline::Engine engine(plugins(), std::move(of_engine));
    const OwnOutputs own(options.cache_dir);
    problems = engine.foresee_problems(
        graph, {.folder = options.output_dir,
                .replace = options.overwrite,
                .is_own = [&own](const std::string& path) { return own.contains(path); }});
    std::vector<std::string> unknown;
    if (problems.empty()) problems = pipeline::misfitting_edits(engine, graph, unknown);
    for (const std::string& note : unknown) std::cerr << "reel: warning: " << note << "\n";
  }
  if (!problems.empty())
    throw pipeline::GraphError(std::move(problems), options.file == "-" ? "standard input" : options.file);
  if (options.common.json) {
    json list = json::array();
    for (const pipeline::Problem& warning : warnings) list.push_back(problem_json(warning));
    print_json(json{{"nodes", graph.nodes.size()}, {"problems", json::array()}, {"warnings", list}}.dump());
  } else if (!options.common.quiet) {
    std::cout << options.file << ": no problems in " << graph.nodes.size() << " nodes\n";
  }
  return kDone;
}

int show(const GraphOptions& options) {
  const Graph graph = pipeline::read_graph(options.file);
  const pipeline::NodeRegistry& nodes = plugins().nodes;
  const std::string drawing = options.svg   ? pipeline::draw_svg(nodes, graph)
                              : options.dot ? pipeline::draw_dot(nodes, graph)
                                            : pipeline::draw_text(nodes, graph);
  std::cout << drawing << std::flush;
  return kDone;
}

int diff(const GraphOptions& options) {
  const auto lines = pipeline::diff(pipeline::read_graph(options.file), pipeline::read_graph(options.second));
  if (options.common.json) {
    print_json(json{{"equal", lines.empty()}, {"differences", lines}}.dump(-1, ' ', false,
                                                                           json::error_handler_t::replace));
  } else {
    for (const std::string& line : lines) std::cout << line << "\n";
  }
  return options.exit_code && !lines.empty() ? kSomeFailed : kDone;
}

}  // namespace

void add_graph_verb(CLI::App& app, Action& action) {
  CLI::App* graph =
      app.add_subcommand("graph", "Edits, checks and runs pipeline graphs (ComfyUI's API format)");
  graph->require_subcommand(1);
  graph->footer(
      "Example: reel graph new generate -o g.json && reel graph set g.json sampler.steps=10 && reel graph "
      "run g.json");
  // Most of these verbs print their result and nothing else: there is no less and no more to say.
  const auto verb = [&](const char* name, const char* help, const char* example,
                        int (*run)(const GraphOptions&), bool has_notes = false) {
    CLI::App* sub = graph->add_subcommand(name, help);
    sub->footer(std::string("Example: ") + example);
    auto options = std::make_shared<GraphOptions>();
    add_output_options(*sub, options->common, {.quiet = has_notes, .verbose = false});
    sub->callback([options, run, &action] { action = [options, run] { return run(*options); }; });
    return std::pair{sub, options};
  };
  const char* file_help = "graph file, rewritten in place; - reads stdin and writes stdout";
  const char* read_help = "graph file; - for standard input";
  {
    auto [sub, o] = verb("new", "Prints a template, or writes it to a file",
                         "reel graph new generate -o g.json", make_new);
    CLI::Option* name = sub->add_option("template", o->name, "name of a template, or `empty`");
    CLI::Option* output = sub->add_option("-o,--output", o->output, "file to write; default: stdout");
    add_switch(*sub, "--list", o->list, "list the templates")->excludes(name)->excludes(output);
    add_switch(*sub, "-y,--overwrite", o->overwrite, "replace an existing file");
  }
  {
    auto [sub, o] = verb("add", "Adds a node and prints its id",
                         "reel graph add g.json KSampler steps=20 model=1", add, true);
    sub->add_option("file", o->file, file_help)->required();
    sub->add_option("class", o->name, "see reel nodes")->required();
    sub->add_option("values", o->assignments, "in=value, or in=ID[:slot] for links");
    sub->add_option("--id", o->id, "default: the next number");
  }
  {
    auto [sub, o] = verb("set", "Sets constants", "reel graph set g.json 3.steps=20 \"2.text=a cat\"", set);
    sub->add_option("file", o->file, file_help)->required();
    sub->add_option("values", o->assignments, "ID.input=value")->required();
  }
  {
    auto [sub, o] =
        verb("connect", "Links an output to an input", "reel graph connect g.json 1:VAE 4.vae", connect);
    sub->add_option("file", o->file, file_help)->required();
    sub->add_option("from", o->name, "ID[:slot], the slot by number or name; default: the first that fits")
        ->required();
    sub->add_option("to", o->second, "ID.input")->required();
  }
  {
    auto [sub, o] = verb("remove", "Removes a node and says what it leaves unconnected",
                         "reel graph remove g.json 3", remove, true);
    sub->add_option("file", o->file, file_help)->required();
    sub->add_option("id", o->id, "of the node")->required();
  }
  {
    auto [sub, o] = verb("check", "Prints every problem; exit status 3 if there is one",
                         "reel graph check g.json", check, true);
    sub->add_option("file", o->file, read_help)->required();
    sub->add_option("--output-dir", o->output_dir, "as for reel graph run; default: the working folder");
    add_switch(*sub, "-y,--overwrite", o->overwrite,
               "existing output files are no problem, as for reel graph run -y");
    sub->add_option("--cache-dir", o->cache_dir,
                    "as for reel graph run: says which outputs earlier runs made, and may be replaced")
        ->capture_default_str();
    sub->add_option("--models-dir", o->common.models_dirs,
                    "folder with model folders (repeatable; also $REEL_MODELS)");
  }
  {
    auto [sub, o] = verb("show", "Draws the graph as text, for Graphviz or as a picture",
                         "reel graph show g.json --svg > g.svg", show);
    sub->add_option("file", o->file, read_help)->required();
    CLI::Option* dot = add_switch(*sub, "--dot", o->dot, "for Graphviz");
    add_switch(*sub, "--svg", o->svg, "as an SVG picture")->excludes(dot);
  }
  {
    auto [sub, o] = verb("diff", "Compares two graphs by meaning", "reel graph diff a.json b.json", diff);
    sub->add_option("before", o->file, read_help)->required();
    sub->add_option("after", o->second, read_help)->required();
    add_switch(*sub, "--exit-code", o->exit_code, "exit status 1 if they differ");
  }
  add_graph_run_verb(*graph, action);
}

}  // namespace reel::app
