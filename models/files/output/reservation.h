// A name that the program chooses is kept for it until its output is complete.
#pragma once

#include <functional>
#include <string>

#include "models/files/output/replacement.h"

namespace reel::models {

/// The first of several names that no file has, and that no living process is writing or keeping. Kept by an
/// empty part beside it, so that of processes that choose at the same time each gets its own.
class Reservation {
 public:
  /// `name(i)` for i = 1 to `most` are the paths to choose from, all in one folder that exists; `belongs`:
  /// which names are such. Parts that dead processes left for any of them are removed.
  /// Throws: std::runtime_error "[path] ..." if all are taken.
  Reservation(const std::function<std::string(int)>& name, int most, const Belongs& belongs);
  ~Reservation();
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_, part_;
  int file_ = -1;
};

}  // namespace reel::models
