// What all verbs share: exit codes, common options, the registries, and how errors reach the user.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attention/plugin/edit_registry.h"
#include "models/family.h"
#include "pipeline/run/executor.h"

namespace reel::app {

enum ExitCode {
  kDone = 0,
  kSomeFailed = 1,
  kUsage = 2,
  kGraphInvalid = 3,
  kEnvironment = 4,
  kBug = 5,
  kInterrupted = 130
};

/// Options that every verb which runs a model understands.
struct CommonOptions {
  std::string model = "emoji-animatediff", motion_adapter, device = "auto", dtype = "auto", progress = "auto";
  int threads = 0;  // 0: as many as the machine has
  std::optional<uint64_t> seed;
  bool json = false, quiet = false, verbose = false;
  std::vector<std::string> models_dirs;
};

/// Declares the common options on a verb; `options` must outlive it.
void add_common_options(CLI::App& verb, CommonOptions& options);
/// Only --json and --quiet, for verbs that run nothing.
void add_output_options(CLI::App& verb, CommonOptions& options);

/// Lets a single-valued option that is given twice take the last value, as ffmpeg and git do; for all verbs
/// below `app`.
void last_one_wins(CLI::App& app);

/// The verb that the command line chose, run after parsing. Returns an exit code.
using Action = std::function<int()>;

/// Every plug-in that this build has.
struct Plugins {
  attention::EditRegistry edits;
  guidance::SchedulerRegistry schedulers;
  models::FamilyRegistry families;
  pipeline::NodeRegistry nodes;
};
const Plugins& plugins();

/// Where options said to run: device, dtype (empty: the best for the model), threads. Throws:
/// std::runtime_error for a device that is absent.
struct Placement {
  at::Device device = at::kCPU;
  std::optional<at::ScalarType> dtype;
};
Placement place(const CommonOptions& options);
std::string dtype_name(at::ScalarType dtype);

/// An executor with all plug-ins, progress to stderr, and Ctrl-C wired to cancelling.
std::unique_ptr<pipeline::Executor> make_executor(const CommonOptions& options);

/// Turns SIGINT into a request to stop between steps; a second one stops at once. Idempotent.
const std::atomic<bool>& stop_request();

/// Runs `action` and turns what it throws into one paragraph on stderr (or, with `json`, an object on stdout)
/// and the exit code that belongs to it.
int run_guarded(bool json, const Action& action);

/// Prints a JSON document on stdout, on one line.
void print_json(const std::string& document);

// One function per verb: adds it to the command line, and sets `action` when it is chosen.
void add_generate_verb(CLI::App& app, Action& action);
void add_graph_verb(CLI::App& app, Action& action);
void add_eval_verb(CLI::App& app, Action& action);
void add_models_verb(CLI::App& app, Action& action);
void add_list_verbs(CLI::App& app, Action& action);
void add_inspect_verb(CLI::App& app, Action& action);
void add_replay_verb(CLI::App& app, Action& action);
void add_doctor_verb(CLI::App& app, Action& action);

}  // namespace reel::app
