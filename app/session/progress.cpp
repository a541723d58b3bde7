#include "app/session/progress.h"

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

namespace reel::app {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string fixed(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

/// One line per node, redrawn in place: what runs, how far it is, rate and time left.
class Bar {
 public:
  void operator()(const pipeline::Progress& event) {
    if (event.stage == "warning") {
      clear();
      std::cerr << "reel: " << event.message << "\n";
    } else if (event.stage == "start") {
      start_ = Clock::now();
      draw(event);
    } else if (event.stage == "step") {
      draw(event);
    } else if (event.stage == "preview") {
      // The file is replaced each time: its name is worth saying once.
      if (std::exchange(preview_, event.file) == event.file) return;
      clear();
      std::cerr << "  preview: " << event.file << "\n";
    } else if (event.stage == "done") {
      clear();
      if (seconds_since(start_) > 0.5)
        std::cerr << "  " << event.title << "  " << fixed(seconds_since(start_), 1) << " s\n";
    }
    std::cerr << std::flush;
  }

 private:
  void clear() { std::cerr << "\r\033[K"; }
  void draw(const pipeline::Progress& event) {
    clear();
    std::cerr << "  " << event.title;
    if (event.all <= 0) return;
    const int width = 24, filled = static_cast<int>(width * event.done / event.all);
    std::cerr << "  [" << std::string(size_t(filled), '#') << std::string(size_t(width - filled), '.') << "] "
              << event.done << "/" << event.all;
    const double elapsed = seconds_since(start_);
    if (event.done > 0 && elapsed > 0) {
      const double rate = double(event.done) / elapsed;
      std::cerr << "  " << (rate >= 1 ? fixed(rate, 1) + "/s" : fixed(1 / rate, 1) + " s each") << ", "
                << fixed(double(event.all - event.done) / rate, 0) << " s left";
    }
  }
  Clock::time_point start_ = Clock::now();
  std::string preview_;
};

}  // namespace

std::function<void(const pipeline::Progress&)> make_progress(const CommonOptions& options) {
  if (options.progress == "json") {
    return [](const pipeline::Progress& event) {
      nlohmann::json line = {{"node", event.node},
                             {"title", event.title},
                             {"stage", event.stage},
                             {"done", event.done},
                             {"all", event.all}};
      if (!event.message.empty()) line["message"] = event.message;
      if (!event.file.empty()) line["file"] = event.file;
      std::cerr << line.dump() << std::endl;
    };
  }
  if (options.progress == "auto" && !options.quiet && isatty(STDERR_FILENO)) return Bar();
  if (options.quiet) return {};
  return [](const pipeline::Progress& event) {
    if (event.stage == "warning") std::cerr << "reel: " << event.message << std::endl;
  };
}

}  // namespace reel::app
