#include "pipeline/run/run_context.h"

#include "pipeline/process_memory.h"

namespace reel::pipeline {

void RunContext::step(int64_t done, int64_t all, const Picture& picture) const {
  if (report) report->peak_bytes = std::max(report->peak_bytes, process_memory().resident);
  if (options.progress) options.progress({report ? report->id : "", title, "step", done, all, "", picture});
  if (options.cancel && *options.cancel) throw Cancelled();
}

void RunContext::warn(const std::string& message) const {
  const std::string text = report ? node_place(report->id, report->spec) + ": " + message : message;
  if (run_report) run_report->warnings.push_back(text);
  if (options.progress)
    options.progress({report ? report->id : "", report ? title : "", "warning", 0, 0, text});
}

}  // namespace reel::pipeline
