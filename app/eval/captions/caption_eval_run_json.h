// What the evaluations of captioners share: asking every variant, and telling what came of it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>

#include "app/eval/captions/asked_model.h"
#include "app/eval/captions/caption_eval_report.h"
#include "models/files/part_file.h"

namespace reel::app {

/// The lines of --output; nothing without one.
class EvalLines {
 public:
  /// Throws: as PartFile.
  explicit EvalLines(const CaptionEvalOptions& options);
  void add(const nlohmann::ordered_json& line);
  void commit();

 private:
  std::unique_ptr<models::PartFile> file_;
};

/// Asks every variant everything, with progress: the replies of each.
std::vector<std::vector<Reply>> ask_all(AskedModel& model, const CaptionEvalOptions& options, size_t count,
                                        const std::function<Asked(size_t)>& ask, bool margins);

/// Prints a table under `title`, or `facts` with "variants" as metric_json() writes them. Returns the exit code.
int tell_metrics(const CaptionEvalOptions& options, const std::string& title,
                 const nlohmann::ordered_json& facts, const std::vector<VariantMetrics>& variants);

}  // namespace reel::app
