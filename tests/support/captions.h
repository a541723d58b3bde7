// The captioners under tests/golden/captions with what transformers makes of pictures and questions, and running them.
#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "pipeline/captioning/write_captions.h"
#include "pipeline/media/stills/read_picture.h"
#include "tests/support/models.h"

namespace reel::pipeline {

inline std::vector<int64_t> list_of(const at::Tensor& ids) {
  return {ids.const_data_ptr<int64_t>(), ids.const_data_ptr<int64_t>() + ids.numel()};
}

inline CaptionModel load_captioner(const std::string& folder) {
  ModelCache models(models::families(), at::kCPU, at::kFloat);
  return {{.folder = models::opened(folder), .edits = {}}, models};
}

/// Pictures and a question, and what is expected of them.
struct GoldenRequest {
  std::vector<std::string> pictures;  // whole paths
  std::string question, text;
  nlohmann::json runs;  // name: {"ids", "text"}

  CaptionRequest request() const {
    return {.read =
                [paths = pictures] {
                  std::vector<at::Tensor> read;
                  for (const std::string& path : paths) read.push_back(media::read_picture(path));
                  return read;
                },
            .prompt = question,
            .seed = 0,
            .forced = {}};
  }
};

/// What became of a request.
struct CaptionOutcome {
  std::optional<Caption> caption;
  std::optional<CaptionFault> fault;
};

/// Runs requests; each must end once.
inline std::vector<CaptionOutcome> outcomes_of(const CaptionModel& model,
                                               const guidance::DecodeSettings& settings,
                                               std::vector<CaptionRequest> requests,
                                               const CaptionBatch& batch = {},
                                               const attention::EditPlan& edits = {}) {
  std::vector<CaptionOutcome> outcomes(requests.size());
  std::vector<int> ended(requests.size());
  size_t taken = 0;
  attention::Processor attend(edits);
  write_captions(model, settings, batch, attend,
                 {.next = [&]() -> std::optional<CaptionRequest> {
                    if (taken == requests.size()) return std::nullopt;
                    return std::move(requests[taken++]);
                  },
                  .on_done =
                      [&](size_t i, Caption caption) {
                        outcomes.at(i).caption = std::move(caption);
                        ++ended.at(i);
                      },
                  .on_fault =
                      [&](size_t i, CaptionFault fault) {
                        outcomes.at(i).fault = std::move(fault);
                        ++ended.at(i);
                      }});
  EXPECT_EQ(ended, std::vector<int>(ended.size(), 1));
  return outcomes;
}

/// What a run of requests.json sets, over what the model's folder says.
inline guidance::DecodeSettings settings_of(const nlohmann::json& run, guidance::DecodeSettings settings) {
  settings.max_new_tokens = run.at("max_new_tokens");
  settings.num_beams = run.value("num_beams", 1);
  settings.stop_strings = run.value("stop_strings", std::vector<std::string>{});
  return settings;
}

class CaptionGoldens {
 public:
  explicit CaptionGoldens(const std::string& name)
      : folder_(models::golden_folder("captions/" + name)), golden(folder_ + "/goldens/golden.safetensors") {
    std::ifstream file(folder_ + "/goldens/requests.json");
    const nlohmann::json all = nlohmann::json::parse(file);
    settings = all.at("settings");
    image_token = all.at("image_token");
    for (const nlohmann::json& one : all.at("requests")) {
      GoldenRequest request{.pictures = {},
                            .question = one["question"].is_null() ? "Please describe this image in detail."
                                                                  : one["question"].get<std::string>(),
                            .text = one["text"],
                            .runs = one["runs"]};
      for (const std::string& path : one["pictures"].get<std::vector<std::string>>()) {
        request.pictures.push_back(models::golden_folder(path));
        pixels_.emplace(request.pictures.back(), golden[path + "/expected_pixel_values"]);
      }
      requests.push_back(std::move(request));
    }
  }

  const std::string& folder() const { return folder_; }
  at::Tensor expected(size_t request, const std::string& what) const {
    return golden["request" + std::to_string(request) + "/expected_" + what];
  }
  std::vector<int64_t> ids(size_t request, const std::string& what) const {
    return list_of(expected(request, what));
  }
  bool has_logits(size_t request) const {
    return golden.has("request" + std::to_string(request) + "/expected_logits");
  }
  at::Tensor pixels(size_t request) const {
    std::vector<at::Tensor> all;
    for (const std::string& path : requests[request].pictures) all.push_back(pixels_.at(path));
    return at::stack(all);
  }
  /// The ids of a prompt as `model` has them, whose token for a picture may be another.
  std::vector<int64_t> input_ids(size_t request, const models::Captioner& model) const {
    std::vector<int64_t> all = ids(request, "input_ids");
    std::replace(all.begin(), all.end(), image_token, model.image_token());
    return all;
  }
  std::vector<CaptionRequest> chosen(const std::vector<size_t>& numbers) const {
    std::vector<CaptionRequest> all;
    for (const size_t i : numbers) all.push_back(requests[i].request());
    return all;
  }

 private:
  const std::string folder_;
  std::map<std::string, at::Tensor> pixels_;

 public:
  const Golden golden;
  nlohmann::json settings;  // of the runs
  int64_t image_token = 0;  // in the golden ids
  std::vector<GoldenRequest> requests;
};

}  // namespace reel::pipeline
