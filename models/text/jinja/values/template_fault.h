// What can go wrong with a template, and what one template may cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace reel::models::jinja {

enum class FaultKind {
  kSyntax,       // the template is no Jinja
  kUnsupported,  // it is, and uses what this reader does not know; the message names it
  kUndefined,    // an undefined value was used as if it were one
  kType,         // an operation does not fit its values (Python's TypeError and ValueError)
  kUnsafe,       // what the sandbox of transformers forbids
  kRaised,       // the template called raise_exception; the message is the template's own
  kLimit,        // more output, steps, values or depth than a template may have
};

class Fault : public std::runtime_error {
 public:
  /// `line` counts from 1; 0: not known yet.
  Fault(FaultKind kind, const std::string& message, int line = 0)
      : std::runtime_error(message), kind_(kind), line_(line) {}
  FaultKind kind() const { return kind_; }
  int line() const { return line_; }

 private:
  FaultKind kind_;
  int line_;
};

/// Bounds of one rendering. Templates come with model files, so they are not trusted.
struct Limits {
  uint64_t steps = 20'000'000;                 // expressions, statements and elements looked at
  uint64_t bytes = uint64_t{256} << 20;        // of texts and lists made, whether still in use or not
  uint64_t output_bytes = uint64_t{16} << 20;  // of the rendered text
  int depth = 600;                             // of expressions, statements and macros within each other
};

/// Counts what a rendering has used.
class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits) {}
  const Limits& limits() const { return limits_; }

  /// Throws: Fault kLimit when the steps are used up.
  void step(uint64_t count = 1) {
    steps_ += count;
    if (steps_ > limits_.steps) {
      throw Fault(FaultKind::kLimit, "takes more than " + std::to_string(limits_.steps) + " steps");
    }
  }
  /// To be called before `bytes` are allocated. Throws: Fault kLimit.
  void make(uint64_t bytes) {
    bytes_ = bytes_ + bytes < bytes_ ? UINT64_MAX : bytes_ + bytes;
    if (bytes_ > limits_.bytes) {
      throw Fault(FaultKind::kLimit,
                  "makes more than " + std::to_string(limits_.bytes >> 20) + " MiB of texts and lists");
    }
  }

  /// One level deeper for as long as it lives.
  class Level {
   public:
    /// Throws: Fault kLimit.
    explicit Level(Budget& budget) : budget_(budget) {
      if (++budget_.depth_ > budget_.limits_.depth) {
        --budget_.depth_;
        throw Fault(FaultKind::kLimit,
                    "nests more than " + std::to_string(budget_.limits_.depth) + " levels deep");
      }
    }
    ~Level() { --budget_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Budget& budget_;
  };

 private:
  Limits limits_;
  uint64_t steps_ = 0, bytes_ = 0;
  int depth_ = 0;
};

}  // namespace reel::models::jinja
