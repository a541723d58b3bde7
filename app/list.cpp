// `reel edits`, `reel nodes`, `reel schedulers`: what can be used, straight from the declarations.
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/session/common_options.h"
#include "app/session/exit_code.h"
#include "app/session/plugins.h"
#include "app/session/print_json.h"
#include "app/verbs.h"

namespace reel::app {
namespace {

using nlohmann::json;

json value_json(const ParamValue& value) {
  return std::visit([](const auto& v) { return json(v); }, value);
}

json param_json(const Param& param) {
  json entry = {{"name", param.name},
                {"help", param.help},
                {"type", type_name(param.default_value)},
                {"default", value_json(param.default_value)}};
  if (param.range) entry["range"] = {param.range->low, param.range->high};
  if (!param.choices.empty()) entry["choices"] = param.choices;
  return entry;
}

json spec_json(const Spec& spec) {
  json entry = {
      {"name", spec.name}, {"summary", spec.summary}, {"source", spec.source}, {"options", json::array()}};
  for (const Param& param : spec.params) entry["options"].push_back(param_json(param));
  for (const auto& [name, values] : spec.presets) {
    for (const auto& [key, value] : values) entry["presets"][name][key] = value_json(value);
  }
  return entry;
}

std::string range_text(const std::optional<Range>& range) {
  return range ? to_text(range->low) + " to " + to_text(range->high) : "";
}

std::string choices_text(const std::vector<std::string>& choices) {
  std::string text;
  for (const std::string& choice : choices) text += (text.empty() ? "" : "|") + choice;
  return text;
}

void print_spec(const Spec& spec) {
  std::cout << spec.name << ": " << spec.summary << "\n  source: " << spec.source << "\n";
  for (const Param& param : spec.params) {
    const std::string legal = param.choices.empty() ? range_text(param.range) : choices_text(param.choices);
    std::cout << "  " << param.name << " (" << type_name(param.default_value) << ", default "
              << to_text(param.default_value) << (legal.empty() ? "" : ", " + legal) << "): " << param.help
              << "\n";
  }
  for (const auto& [name, values] : spec.presets) {
    std::cout << "  preset " << name << ":";
    for (const auto& [key, value] : values) std::cout << " " << key << "=" << to_text(value);
    std::cout << "\n";
  }
}

/// Lists all entries in one line each, or one in full.
template <class Registry, class Details, class Json>
int list(const Registry& registry, const std::string& kind, const std::string& name, bool as_json,
         const Details& details, const Json& to_json) {
  if (!name.empty()) {
    const auto& entry = registry.get(kind, name);
    if (as_json)
      print_json(to_json(entry).dump());
    else
      details(entry);
    return kDone;
  }
  json all = json::array();
  for (const auto& entry : registry) {
    if (as_json)
      all.push_back(to_json(entry));
    else
      std::cout << entry.spec.name
                << std::string(entry.spec.name.size() < 20 ? 20 - entry.spec.name.size() : 1, ' ')
                << entry.spec.summary << "\n";
  }
  if (as_json) print_json(all.dump());
  return kDone;
}

/// The bundled and installed families that have sites of the edit's kind are those that it fits.
json edit_json(const attention::EditEntry& entry) {
  json j = spec_json(entry.spec);
  j["node"] = entry.node_name, j["where"] = entry.where;
  return j;
}

json socket_json(const pipeline::Socket& socket) {
  json entry = {
      {"name", socket.name}, {"type", socket.type}, {"help", socket.help}, {"optional", socket.optional}};
  if (socket.default_value) entry["default"] = value_json(*socket.default_value);
  if (socket.range) entry["range"] = {socket.range->low, socket.range->high};
  if (!socket.choices.empty()) entry["choices"] = socket.choices;
  return entry;
}

json node_json(const pipeline::NodeSpec& node) {
  json j = {{"name", node.spec.name}, {"summary", node.spec.summary}, {"category", node.category},
            {"sink", node.sink},      {"inputs", json::array()},      {"outputs", json::array()}};
  for (const auto& socket : node.inputs) j["inputs"].push_back(socket_json(socket));
  for (const auto& socket : node.outputs) j["outputs"].push_back(socket_json(socket));
  return j;
}

void print_node(const pipeline::NodeSpec& node) {
  std::cout << node.spec.name << ": " << node.spec.summary << "\n  source: " << node.spec.source << "\n";
  for (const auto& socket : node.inputs) {
    const std::string legal =
        socket.choices.empty() ? range_text(socket.range) : choices_text(socket.choices);
    std::cout << "  in  " << socket.name << " (" << socket.type
              << (socket.default_value ? ", default " + to_text(*socket.default_value) : "")
              << (legal.empty() ? "" : ", " + legal) << ")" << (socket.help.empty() ? "" : ": " + socket.help)
              << "\n";
  }
  for (const auto& socket : node.outputs)
    std::cout << "  out " << socket.name << " (" << socket.type << ")\n";
}

}  // namespace

void add_list_verbs(CLI::App& app, Action& action) {
  struct Options {
    CommonOptions common;
    std::string name;
  };
  const auto verb = [&](const char* name, const char* help, const char* example,
                        const std::function<int(const Options&)>& run) {
    CLI::App* sub = app.add_subcommand(name, help);
    auto options = std::make_shared<Options>();
    sub->add_option("name", options->name, "show this one in full");
    sub->footer(example);
    add_output_options(*sub, options->common, {.quiet = false, .verbose = false});
    sub->callback([options, run, &action] { action = [options, run] { return run(*options); }; });
  };
  verb("edits", "Attention edits, with options, ranges and presets", "Example: reel edits scale",
       [](const Options& o) {
         return list(
             plugins().edits, "edit", o.name, o.common.json,
             [](const attention::EditEntry& entry) {
               print_spec(entry.spec);
               std::cout << "  applies to: " << (entry.where.empty() ? "every attention layer" : entry.where)
                         << "; graph node: " << entry.node_name << "\n";
             },
             edit_json);
       });
  verb("nodes", "Graph nodes, with their sockets", "Example: reel nodes KSampler", [](const Options& o) {
    return list(plugins().nodes, "node", o.name, o.common.json, print_node, node_json);
  });
  verb("schedulers", "Noise schedulers, with options", "Example: reel schedulers ddim", [](const Options& o) {
    return list(
        plugins().schedulers, "scheduler", o.name, o.common.json,
        [](const guidance::SchedulerEntry& entry) { print_spec(entry.spec); },
        [](const guidance::SchedulerEntry& entry) { return spec_json(entry.spec); });
  });
}

}  // namespace reel::app
