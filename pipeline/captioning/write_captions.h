// The captioning of many pictures: read, prepared and seen in batches, then put into words by the token loop.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attention/processor.h"
#include "guidance/decoding/token_loop.h"
#include "pipeline/captioning/caption_model.h"

namespace reel::pipeline {

/// One text that is wanted.
struct CaptionRequest {
  /// The pictures, uint8 [H, W, 3]. Called on any thread, once; what it throws is the request's fault.
  std::function<std::vector<at::Tensor>()> read;
  std::string prompt;           // the question behind them
  uint64_t seed = 0;            // of chance
  std::vector<int64_t> forced;  // the answer, given beforehand (guidance::DecodeRequest::forced)
};

struct Caption {
  std::string text;
  std::vector<int64_t> ids;  // of the answer, its end token included
  guidance::FinishReason reason = guidance::FinishReason::kStop;
  double seconds = 0;       // since the request was taken
  bool unfamiliar = false;  // a picture is unlike those that the model was trained on (Familiarity)
  /// If they were asked for, on the host.
  struct Tensors {
    at::Tensor pixel_values;    // [P, 3, h, w] f32; undefined without pictures
    at::Tensor image_features;  // [tokens of all pictures, width] f32; undefined without pictures
    at::Tensor input_ids;       // [N] i64, picture tokens repeated
    at::Tensor logits;          // [ids, V] f32
  } tensors;
};

/// Why a request has no caption.
struct CaptionFault {
  std::string kind;     // "picture": it could not be read; "prompt": it does not fit the model
  std::string message;  // place, fact, way out
};

/// Requests are numbered in the order in which `next` gave them; they finish in any order. Each function may throw, which
/// ends the run.
struct CaptionCallbacks {
  std::function<std::optional<CaptionRequest>()> next;
  std::function<void(size_t request, Caption caption)> on_done;
  std::function<void(size_t request, CaptionFault fault)> on_fault;
  std::function<void()> between_steps = {};  // called often; throws to stop
};

struct CaptionBatch {
  int64_t rows = 16;  // pictures that are seen, and texts that are written, at once
  bool keep_tensors = false;
  int64_t kept_features = int64_t{256}
                          << 20;  // bytes of features that are kept for further prompts about a picture
};

/// Writes a text for each request. On CPUs in f32 a text depends on its own request alone, whatever `batch` is.
/// A picture that several requests share is seen once, as long as its features are kept; edits of the tower's attention
/// (`attend`) make no difference to that.
void write_captions(const CaptionModel& model, const guidance::DecodeSettings& settings,
                    const CaptionBatch& batch, attention::Processor& attend,
                    const CaptionCallbacks& callbacks);

}  // namespace reel::pipeline
