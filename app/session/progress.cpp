#include "app/session/progress.h"

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/session/notes_json.h"
#include "app/session/printable_output.h"

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

/// Calls with the alternative that the event holds.
template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

/// One line per node, redrawn in place: what runs, how far it is, rate and time left.
class Bar {
 public:
  explicit Bar(const ListPlace& place) : prefix_(place.prefix()) {}
  void operator()(const pipeline::Event& event) {
    std::visit([this](const auto& what) { show(what); }, event.what);
    std::cerr << std::flush;
  }

 private:
  void clear() { clear_line(); }
  void show(const pipeline::Warning& event) {
    clear();
    std::cerr << "reel: " << prefix_ << event.message << "\n";
  }
  void show(const pipeline::Started& event) {
    start_ = Clock::now();
    show(pipeline::Stepped{event.node});
  }
  void show(const pipeline::Preview& event) {
    // The file is replaced each time: its name is worth saying once.
    if (std::exchange(preview_, event.file) == event.file) return;
    clear();
    std::cerr << "  preview: " << event.file << "\n";
  }
  void show(const pipeline::Done& event) {
    clear();
    if (seconds_since(start_) > 0.5)
      std::cerr << "  " << event.node.title << "  " << fixed(seconds_since(start_), 1) << " s\n";
  }
  void show(const pipeline::Cached&) {}
  void show(const pipeline::Failed&) {}  // the error itself follows
  void show(const pipeline::Stepped& event) {
    clear();
    std::cerr << "  " << event.node.title;
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
  std::string prefix_;
  Clock::time_point start_ = Clock::now();
  std::string preview_;
};

/// One event as a line of JSON; of cached nodes a line each.
void print_run_event(const pipeline::Event& event, const ListPlace& place) {
  const auto line = [&](const pipeline::NodeName& node, const char* stage, nlohmann::json more = {}) {
    nlohmann::json all = {
        {"node", node.id}, {"title", node.title}, {"stage", stage}, {"done", 0}, {"all", 0}};
    if (!event.request.empty()) all["request"] = event.request;
    if (!more.is_null()) all.update(more);
    print_event(std::move(all), place);
  };
  std::visit(Overloaded{[&](const pipeline::Started& e) { line(e.node, "start"); },
                        [&](const pipeline::Cached& e) {
                          for (const pipeline::NodeName& node : e.nodes) line(node, "cached");
                        },
                        [&](const pipeline::Stepped& e) {
                          line(e.node, "step", {{"done", e.done}, {"all", e.all}});
                        },
                        [&](const pipeline::Preview& e) {
                          line(e.node, "preview", {{"done", e.done}, {"all", e.all}, {"file", e.file}});
                        },
                        [&](const pipeline::Warning& e) {
                          line(e.node, "warning", {{"message", e.message}});
                        },
                        [&](const pipeline::Done& e) { line(e.node, "done"); },
                        [&](const pipeline::Failed& e) {
                          line(e.node, e.stopped ? "stopped" : "failed", {{"message", e.message}});
                        }},
             event.what);
}

}  // namespace

pipeline::Listener make_progress(const CommonOptions& options, const ListPlace& place) {
  if (options.progress == "json")
    return [place](const pipeline::Event& event) { print_run_event(event, place); };
  if (options.progress == "auto" && !options.quiet && isatty(STDERR_FILENO)) return Bar(place);
  if (options.quiet) return {};
  return [place](const pipeline::Event& event) {
    if (const auto* warning = std::get_if<pipeline::Warning>(&event.what))
      std::cerr << "reel: " << place.prefix() << warning->message << std::endl;
  };
}

}  // namespace reel::app
