#include "app/eval/captions/caption_eval_run_json.h"

#include <iostream>

#include "app/session/exit_code.h"
#include "app/session/print_json.h"
#include "app/session/progress.h"

namespace reel::app {

EvalLines::EvalLines(const CaptionEvalOptions& options) {
  if (!options.output.empty()) file_ = std::make_unique<models::PartFile>(options.output, options.overwrite);
}

void EvalLines::add(const nlohmann::ordered_json& line) {
  if (!file_) return;
  const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  file_->write(text.data(), text.size());
}

void EvalLines::commit() {
  if (file_) file_->commit();
}

std::vector<std::vector<Reply>> ask_all(AskedModel& model, const CaptionEvalOptions& options, size_t count,
                                        const std::function<Asked(size_t)>& ask, bool margins) {
  const auto tell = make_progress(options.common);
  const pipeline::NodeName node{"eval", "texts"};
  const auto report = [&](auto what) {
    if (tell) tell({"", what});
  };
  const size_t variants = model.variants().size();
  std::vector<std::vector<Reply>> replies;
  report(pipeline::Started{node});
  for (size_t v = 0; v < variants; ++v) {
    replies.push_back(model.replies(v, count, ask, margins, [&](size_t done) {
      report(pipeline::Stepped{node, int64_t(v * count + done), int64_t(variants * count)});
    }));
  }
  report(pipeline::Done{node});
  return replies;
}

int tell_metrics(const CaptionEvalOptions& options, const std::string& title,
                 const nlohmann::ordered_json& facts, const std::vector<VariantMetrics>& variants) {
  if (options.common.json)
    print_json(
        metric_json(facts.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace), variants));
  else
    std::cout << title << ", 95 % intervals\n" << metric_table(variants) << std::flush;
  return kDone;
}

}  // namespace reel::app
