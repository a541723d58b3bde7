#include "app/session/session.h"

#include <unistd.h>

#include <csignal>

#include "app/session/exit_code.h"
#include "app/session/placement.h"
#include "app/session/plugins.h"
#include "app/session/progress.h"
#include "pipeline/run/model_cache.h"

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

}  // namespace reel::app
