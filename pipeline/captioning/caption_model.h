// A captioner with all that stands around its networks: what prepares pictures, writes prompts and ends texts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "guidance/decoding/decode_settings.h"
#include "models/vision/image_processor.h"
#include "pipeline/captioning/familiarity.h"
#include "pipeline/captioning/prompt_writer.h"
#include "pipeline/run/model_cache.h"

namespace reel::pipeline {

/// What the folder of a captioner makes of pictures and words. It does not change after it was built: threads share it.
class CaptionModel {
 public:
  /// Networks are taken from `models`, all else is read from the folder.
  /// Throws: std::runtime_error for what the folder lacks or has wrong, and for a model that makes videos; as
  /// PromptWriter::write if its chat template fails.
  CaptionModel(const CaptionerHandle& handle, ModelCache& models);

  const models::ModelFolder& folder() const { return *folder_; }
  const models::Captioner& network() const { return *network_; }
  const models::ImageProcessor& processor() const { return processor_; }
  const PromptWriter& prompts() const { return prompts_; }
  /// What the folder says of the pictures that the model knows; null: nothing.
  const Familiarity* familiarity() const { return familiarity_ ? &*familiarity_ : nullptr; }
  at::Device device() const { return network_->language_model().device(); }

  /// What generation_config.json says; `notes`: what of it is not followed, in sentences.
  const guidance::DecodeSettings& settings() const { return settings_; }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  Folder folder_;
  std::shared_ptr<models::Captioner> network_;
  models::ImageProcessor processor_;
  PromptWriter prompts_;
  std::optional<Familiarity> familiarity_;
  std::vector<std::string> notes_;
  guidance::DecodeSettings settings_;
};

/// Refuses a model that writes no captions. Throws: std::runtime_error that names it and what it does.
void require_captioner(const models::ModelFolder& folder);

}  // namespace reel::pipeline
