// The interface of a vision-language model: what a token loop and nodes need to know of it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "attention/processor.h"
#include "models/language_model.h"

namespace reel::models {

/// A prompt as the language model reads it: tokens and pictures as one sequence, and where each of them stands.
struct EmbeddedPrompt {
  at::Tensor embedded;            // [1, N, D]
  at::Tensor positions;           // [1, N, axes] f32
  std::vector<ImageSpan> images;  // in order; a picture may have several
  /// Token i of the sequence (0-based, i >= N: generated) has position i + position_shift on every axis. It is not 0
  /// if pictures take fewer positions than tokens.
  int64_t position_shift = 0;
};

/// The size of a prepared picture, in pixels.
struct PictureSize {
  int64_t height = 0, width = 0;
};

/// What a prompt is told of a picture.
struct PictureTokens {
  at::Tensor features;  // [tokens, D]
  PictureSize size;     // of the prepared picture that they were made of
};

/// Ids that a configuration gives a meaning; -1: none.
struct SpecialIds {
  std::vector<int64_t> eos;  // each ends a text
  int64_t bos = -1, pad = -1;
};

/// Pictures and text to text. Two halves: pictures become features, in batches of pictures of one size and once for
/// each picture; a prompt of ids and features becomes a sequence, which the language model continues. It does not
/// change after it was built, so several runs can share it.
class Captioner {
 public:
  virtual ~Captioner() = default;

  /// Pictures as the model's processor prepares them, [P, 3, H, W] f32 (whatever the model's type) -> features in the
  /// language model's width and type, [P, tokens, D], `tokens` as picture_ids() has them. On CPUs in f32 a picture gives
  /// the same bits whatever pictures are beside it. `attend`: whose edits apply to the tower's attention; null: none.
  /// Throws: std::invalid_argument for pictures of a size that the model does not take.
  virtual at::Tensor picture_features(const at::Tensor& pixels,
                                      attention::Processor* attend = nullptr) const = 0;

  /// The id that stands for a picture in a tokenised prompt. Prompts of models whose vocabulary has no such token use
  /// an id outside of it.
  virtual int64_t image_token() const = 0;
  /// The ids that stand in its place in what the language model reads: image_token() once for each feature of a prepared
  /// picture of that size, and text between them if the model's processor writes any. Throws: as picture_features().
  virtual std::vector<int64_t> picture_ids(const PictureSize& size) const = 0;

  /// ids: a prompt in which picture_ids() took the place of pictures; pictures: theirs, in order.
  /// Throws: std::invalid_argument if the prompt has more or fewer picture tokens than there are features;
  /// std::runtime_error for ids beyond the vocabulary.
  virtual EmbeddedPrompt embed(const std::vector<int64_t>& ids,
                               const std::vector<PictureTokens>& pictures) const = 0;

  virtual const LanguageModel& language_model() const = 0;
  virtual SpecialIds special_ids() const = 0;
  /// All attention layers, in order of execution: those of the vision tower, then those of the language model. Each of
  /// the two networks numbers its own.
  virtual std::vector<attention::Site> sites() const = 0;
};

}  // namespace reel::models
