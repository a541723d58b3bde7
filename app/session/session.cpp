#include "app/session/session.h"

#include <unistd.h>

#include <csignal>
#include "app/session/exit_code.h"
#include "app/session/placement.h"
#include "app/session/plugins.h"
#include "app/session/progress.h"
#include "models/files/part_file.h"

namespace reel::app {
namespace {

std::atomic<bool> g_stop{false};  // the one global: a signal handler can reach nothing else

void on_interrupt(int) {
  if (g_stop.exchange(true)) _exit(kInterrupted);
}

}  // namespace

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

pipeline::EngineOptions engine_options(const CommonOptions& options) {
  const Placement placement = place(options);
  return {.device = placement.device, .dtype = placement.dtype, .models_dirs = options.models_dirs};
}

std::unique_ptr<pipeline::Engine> make_engine(const CommonOptions& options) {
  return std::make_unique<pipeline::Engine>(plugins(), engine_options(options));
}

pipeline::Request make_request(const CommonOptions& options, pipeline::Graph graph,
                               std::vector<std::string> outputs) {
  pipeline::WriteAccess access{.named = pipeline::all_inputs(graph)};
  return {.graph = std::move(graph),
          .outputs = std::move(outputs),
          .access = std::move(access),
          .stop = &stop_request(),
          .listener = make_progress(options)};
}

void make_output_folder(const std::string& folder) {
  if (!folder.empty()) models::make_folder(folder);
}

}  // namespace reel::app
