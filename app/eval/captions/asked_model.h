// A captioner that is asked many things, with and without edits.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/eval/captions/caption_eval_options.h"
#include "app/session/placement.h"
#include "pipeline/captioning/caption_model.h"

namespace reel::app {

/// A picture, uint8 [H, W, 3], made on any thread, and what is asked about it.
struct Asked {
  std::function<at::Tensor()> picture;
  std::string prompt;
};

struct Reply {
  std::string text;
  double margin = 0;  // of yes and no (pipeline/captioning/yes_or_no.h); NaN: not known
};

class AskedModel {
 public:
  /// Opens the model's folder and reads the edits of all variants: everything that can be wrong before weights are read.
  /// `max_new_tokens`: unless the options say otherwise; empty: the model's.
  AskedModel(const CaptionEvalOptions& options, std::optional<int64_t> max_new_tokens = {});

  const std::vector<std::vector<std::string>>& variants() const { return variants_; }
  /// The model's own request for a description.
  const std::string& request() const { return folder_->caption_input.request; }
  /// As people call it.
  const std::string& name() const { return name_; }
  /// {"name", "path", "device", "dtype"} as JSON text.
  std::string describe() const;

  /// Asks a variant. `ask` is called in order of the numbers 0 to count - 1; `on_reply` after each reply with how many
  /// there are. Throws: std::runtime_error for a picture that cannot be read; Cancelled.
  std::vector<Reply> replies(size_t variant, size_t count, const std::function<Asked(size_t)>& ask,
                             bool margins, const std::function<void(size_t)>& on_reply);

 private:
  void load();

  const CaptionEvalOptions& options_;
  std::optional<int64_t> max_new_tokens_;
  std::vector<std::vector<std::string>> variants_;
  Placement placement_;
  pipeline::ModelCache models_;
  std::shared_ptr<const models::ModelFolder> folder_;
  std::vector<attention::EditPlan> plans_;
  std::string name_;
  std::optional<pipeline::CaptionModel> model_;
  guidance::DecodeSettings settings_;
};

}  // namespace reel::app
