#include "pipeline/run/run_context.h"

#include <filesystem>

#include "models/files/output/confined_path.h"
#include "pipeline/process_memory.h"

namespace reel::pipeline {

void RunContext::step(int64_t done, int64_t all, const Picture& picture) const {
  if (report) report->peak_bytes = std::max(report->peak_bytes, process_memory().resident);
  tell(Stepped{{report ? report->id : "", title}, done, all, picture});
  throw_if_stopped();
}

void RunContext::warn(const std::string& message) const {
  const std::string text = report ? node_place(report->id, report->spec) + ": " + message : message;
  if (run_report) run_report->warnings.push_back(text);
  tell(Warning{{report ? report->id : "", report ? title : ""}, text});
}

std::string RunContext::unused_in_run(const std::string& path) {
  namespace fs = std::filesystem;
  std::string free = path;
  for (int i = 2; !files_of_run.insert(models::destination_of(free)).second; ++i) {
    const fs::path whole(path);
    free =
        (whole.parent_path() / (whole.stem().string() + "-" + std::to_string(i) + whole.extension().string()))
            .string();
  }
  return free;
}

}  // namespace reel::pipeline
