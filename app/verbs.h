// The verbs of the command line. Each source of a verb defines one of these functions.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace reel::app {

/// The verb that the command line chose, called after parsing. Returns an exit code.
using Action = std::function<int()>;

// Each function adds its verb to the command line; choosing the verb sets `action`.
void add_generate_verb(CLI::App& app, Action& action);
void add_caption_verb(CLI::App& app, Action& action);
void add_graph_verb(CLI::App& app, Action& action);
void add_eval_verb(CLI::App& app, Action& action);
void add_models_verb(CLI::App& app, Action& action);
void add_list_verbs(CLI::App& app, Action& action);
void add_inspect_verb(CLI::App& app, Action& action);
void add_replay_verb(CLI::App& app, Action& action);
void add_doctor_verb(CLI::App& app, Action& action);

// Verbs below a verb.
void add_graph_run_verb(CLI::App& graph, Action& action);  // reel graph run
void add_sweep_verb(CLI::App& eval, Action& action);       // reel eval sweep

}  // namespace reel::app
