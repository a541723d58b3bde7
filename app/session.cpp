// The parts of a run that verbs share: plug-ins, placement, the executor, signals and errors.
#include <ATen/Parallel.h>

#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include <unistd.h>

#include "app/app.h"
#include "app/progress.h"
#include "attention/plugin/edit_registry.h"
#include "pipeline/run/model_cache.h"

namespace reel::app {
namespace {

std::atomic<bool> g_stop{false};  // the one global: a signal handler can reach nothing else

void on_interrupt(int) {
  if (g_stop.exchange(true)) _exit(kInterrupted);
}

/// "[place] rest" -> {place, rest}.
std::pair<std::string, std::string> split_place(const std::string& message) {
  const size_t end = message.find("] ");
  const size_t begin = message.find('[');
  if (end == std::string::npos || begin == std::string::npos || begin > end || begin > 60)
    return {"", message};
  return {message.substr(begin + 1, end - begin - 1), message.substr(0, begin) + message.substr(end + 2)};
}

int fail(bool json, ExitCode code, const std::string& kind, const std::string& message,
         const nlohmann::json& details = {}) {
  if (json) {
    const auto [where, rest] = split_place(message);
    const size_t semicolon = rest.rfind("; ");
    nlohmann::json error = {{"kind", kind},
                            {"message", message},
                            {"where", where},
                            {"hint", semicolon == std::string::npos ? "" : rest.substr(semicolon + 2)}};
    if (!details.is_null()) error["problems"] = details;
    print_json(
        nlohmann::json{{"error", error}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  std::cerr << "reel: " << message << std::endl;
  return code;
}

}  // namespace

const Plugins& plugins() {
  static const Plugins all = [] {
    Plugins p;
    attention::register_edits(p.edits);
    guidance::register_schedulers(p.schedulers);
    models::register_families(p.families);
    pipeline::register_nodes(p.nodes);
    return p;
  }();
  // Edit nodes refer to the edits, so they are added where both have their final address.
  static const bool complete = [] {
    pipeline::add_edit_nodes(const_cast<pipeline::NodeRegistry&>(all.nodes), all.edits);
    return true;
  }();
  (void)complete;
  return all;
}

void add_output_options(CLI::App& verb, CommonOptions& options) {
  verb.add_flag("--json", options.json, "print JSON on stdout and nothing else there");
  verb.add_flag("--quiet,-q", options.quiet, "no progress, no notes");
  verb.add_flag("--verbose,-v", options.verbose, "say more");
}

void add_common_options(CLI::App& verb, CommonOptions& options) {
  const std::string group = "Common options";
  verb.add_option("--model,-m", options.model, "installed model, or folder in the Hugging Face layout")
      ->capture_default_str()
      ->group(group);
  verb.add_option("--motion-adapter", options.motion_adapter,
                  "folder or file with motion modules for an image model")
      ->group(group);
  verb.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")
      ->capture_default_str()
      ->group(group);
  verb.add_option("--dtype", options.dtype,
                  "f32, bf16, f16, or auto: f16 on a GPU; on CPUs with bf16 units bf16 for weights stored in "
                  "half, else f32")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "f16"}))
      ->capture_default_str()
      ->group(group);
  verb.add_option("--threads", options.threads, "CPU threads; 0: all")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str()
      ->group(group);
  verb.add_option("--seed", options.seed, "start noise, 0 to 2^64-1; default: random, printed")->group(group);
  verb.add_option("--models-dir", options.models_dirs,
                  "folder with model folders (repeatable; also $REEL_MODELS)")
      ->group(group);
  verb.add_option("--progress", options.progress,
                  "auto (a bar on a terminal), none, or json (one event a line on stderr)")
      ->check(CLI::IsMember({"auto", "none", "json"}))
      ->capture_default_str()
      ->group(group);
  add_output_options(verb, options);
  verb.set_config("--config", "", "TOML file with the same names as the options")->group(group);
}

void last_one_wins(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw &&
        option->get_items_expected_max() == 1)
      option->take_last();
  }
  for (CLI::App* verb : app.get_subcommands([](CLI::App*) { return true; })) last_one_wins(*verb);
}

std::string dtype_name(at::ScalarType dtype) {
  return dtype == at::kFloat      ? "f32"
         : dtype == at::kBFloat16 ? "bf16"
         : dtype == at::kHalf     ? "f16"
                                  : c10::toString(dtype);
}

Placement place(const CommonOptions& options) {
  Placement placement;
  const bool cuda = at::hasCUDA();
  if (options.device == "auto") {
    if (cuda) placement.device = at::Device("cuda");
  } else {
    try {
      placement.device = at::Device(options.device);
    } catch (const c10::Error&) {
      throw std::invalid_argument("[--device] must be auto, cpu, cuda or cuda:N, got '" + options.device +
                                  "'; the default is auto");
    }
    if (!placement.device.is_cpu() && !placement.device.is_cuda()) {
      throw std::invalid_argument("[--device] must be auto, cpu, cuda or cuda:N, got '" + options.device +
                                  "'; the default is auto");
    }
    if (placement.device.is_cuda() && !cuda) {
      throw std::runtime_error(
          "[--device] this machine or build has no CUDA device; use --device cpu, or see reel doctor");
    }
  }
  if (options.dtype == "f32") placement.dtype = at::kFloat;
  if (options.dtype == "bf16") placement.dtype = at::kBFloat16;
  if (options.dtype == "f16") placement.dtype = at::kHalf;
  const int threads = options.threads > 0
                          ? options.threads
                          : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  at::set_num_threads(threads);
  return placement;
}

const std::atomic<bool>& stop_request() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    return true;
  }();
  (void)installed;
  return g_stop;
}

std::unique_ptr<pipeline::Executor> make_executor(const CommonOptions& options) {
  const Placement placement = place(options);
  pipeline::RunContext context;
  context.options.device = placement.device;
  context.options.dtype = placement.dtype;
  context.options.models_dirs = options.models_dirs;
  context.options.cancel = &stop_request();
  context.options.progress = make_progress(options);
  context.edits = &plugins().edits;
  context.schedulers = &plugins().schedulers;
  context.models =
      std::make_shared<pipeline::ModelCache>(plugins().families, placement.device, placement.dtype);
  return std::make_unique<pipeline::Executor>(plugins().nodes, std::move(context));
}

void print_json(const std::string& document) { std::cout << document << std::endl; }

int run_guarded(bool json, const Action& action) {
  signal(SIGXFSZ, SIG_IGN);  // a file above the user's limit (ulimit -f) is an error with a message, no end
  try {
    return action();
  } catch (const pipeline::Cancelled&) {
    return fail(json, kInterrupted, "interrupted", "interrupted; what was finished is kept");
  } catch (const pipeline::GraphError& error) {
    nlohmann::json problems = nlohmann::json::array();
    for (const pipeline::Problem& p : error.problems()) {
      problems.push_back({{"node", p.node},
                          {"socket", p.socket},
                          {"kind", p.kind},
                          {"expected", p.expected},
                          {"found", p.found},
                          {"hint", p.hint}});
    }
    return fail(json, kGraphInvalid, "graph", error.what(), problems);
  } catch (const std::invalid_argument& error) {
    return fail(json, kUsage, "usage", error.what());
  } catch (const c10::OutOfMemoryError& error) {
    return fail(json, kEnvironment, "memory",
                std::string("[memory] the device is full: ") + error.what_without_backtrace());
  } catch (const c10::Error& error) {
    return fail(
        json, kBug, "bug",
        std::string("[bug] this should not happen, please report it: ") + error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return fail(json, kEnvironment, "memory",
                "[memory] the machine is out of memory; use a smaller size, fewer frames or a half dtype");
  } catch (const std::runtime_error& error) {
    return fail(json, kEnvironment, "environment", error.what());
  } catch (const std::exception& error) {
    return fail(json, kBug, "bug",
                std::string("[bug] this should not happen, please report it: ") + error.what());
  }
}

}  // namespace reel::app
