#include "app/caption/caption_progress.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "app/session/notes_json.h"
#include "app/session/printable_output.h"

namespace reel::app {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string fixed(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

}  // namespace

CaptionProgress::CaptionProgress(const CommonOptions& options, size_t before, size_t all)
    : bar_(options.progress == "auto" && !options.quiet && isatty(STDERR_FILENO)),
      events_(options.progress == "json"),
      before_(before),
      all_(all),
      start_(Clock::now()) {}

CaptionProgress::~CaptionProgress() {
  if (bar_) clear_line();
}

void CaptionProgress::show(size_t done, size_t failed) {
  if (!bar_ && !events_) return;
  if (bar_ && done < all_ && since(last_) < 0.1) return;
  last_ = Clock::now();
  const double rate = double(done - before_) / std::max(since(start_), 1e-9);
  const double left = rate > 0 ? double(all_ - done) / rate : 0;
  if (events_) {
    print_event({{"stage", "caption"},
                 {"done", done},
                 {"all", all_},
                 {"failed", failed},
                 {"rate", rate},
                 {"left_s", left}},
                {});
    return;
  }
  clear_line();
  std::cerr << "  " << done << "/" << all_ << "  "
            << (rate >= 1 ? fixed(rate, 1) + "/s" : fixed(1 / rate, 1) + " s each") << ", " << fixed(left, 0)
            << " s left";
  if (failed > 0) std::cerr << ", " << failed << " failed";
  std::cerr << std::flush;
}

}  // namespace reel::app
