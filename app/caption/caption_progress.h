// How far a batch of captions is: on a terminal a line that is redrawn, on request JSON events.
#pragma once

#include <chrono>
#include <cstddef>

#include "app/session/common_options.h"

namespace reel::app {

class CaptionProgress {
 public:
  /// `before`: inputs that an earlier run has finished; `all`: of both runs.
  CaptionProgress(const CommonOptions& options, size_t before, size_t all);
  ~CaptionProgress();
  CaptionProgress(const CaptionProgress&) = delete;
  CaptionProgress& operator=(const CaptionProgress&) = delete;

  /// `done`: of all, earlier ones too.
  void show(size_t done, size_t failed);

 private:
  bool bar_, events_;
  size_t before_, all_;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace reel::app
