// The exit status of the program; docs/architecture.md says which error gives which.
#pragma once

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

}  // namespace reel::app
