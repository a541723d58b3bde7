// The interface of a language model: tokens to hidden states to logits, with what earlier passes left in caches.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "attention/key_values.h"
#include "attention/processor.h"

namespace reel::models {

/// The key-value caches of all layers. What is done to a sequence (Sequence::id) is done in each of them.
class LayerCaches {
 public:
  explicit LayerCaches(size_t layers) : layers_(layers) {}
  attention::KeyValues& operator[](size_t layer) { return layers_.at(layer); }
  size_t size() const { return layers_.size(); }
  /// Tokens held of a sequence; 0 if there are none.
  int64_t length(uint64_t sequence) const { return layers_.empty() ? 0 : layers_.front().length(sequence); }
  /// Lets the sequence `to` begin as a copy of `from`. Throws: as KeyValues::fork.
  void fork(uint64_t from, uint64_t to) {
    for (attention::KeyValues& layer : layers_) layer.fork(from, to);
  }
  void drop(uint64_t sequence) {
    for (attention::KeyValues& layer : layers_) layer.drop(sequence);
  }
  int64_t bytes() const {
    int64_t all = 0;
    for (const attention::KeyValues& layer : layers_) all += layer.bytes();
    return all;
  }

 private:
  std::vector<attention::KeyValues> layers_;
};

/// One forward pass: rows of tokens that follow what the caches hold of their sequences.
struct TokenPass {
  std::span<const Row> rows;      // [R]; with caches each has a sequence of its own
  at::Tensor positions;           // [R or 1, N, axes], f32 or f64; as many axes as position_axes()
  LayerCaches* caches = nullptr;  // keys and values are appended; null: the pass sees its own tokens alone
  Step step;                      // index 0: the pass that reads the prompt
};

/// A decoder of causal attention. It does not change after it was built, so several runs can share it. On CPUs in f32
/// a row gives the same bits whatever rows are beside it, and however many tokens their caches hold.
class LanguageModel {
 public:
  virtual ~LanguageModel() = default;
  /// ids [R, N] i64 -> [R, N, D]. Throws: std::runtime_error for ids beyond the vocabulary.
  virtual at::Tensor embed(const at::Tensor& ids) const = 0;
  /// Embedded tokens [R, N, D] -> hidden states [R, N, D] behind the final norm. The same N for all rows: those of
  /// other lengths take a pass of their own, so that no token is computed for nothing.
  virtual at::Tensor forward(const at::Tensor& embedded, const TokenPass& pass,
                             attention::Processor& attend) const = 0;
  /// Hidden states [R, N, D] of chosen positions -> logits [R, N, vocabulary] f32.
  virtual at::Tensor logits(const at::Tensor& hidden) const = 0;

  virtual int64_t width() const = 0;  // D
  virtual int64_t vocabulary() const = 0;
  virtual size_t layers() const = 0;
  /// How many tokens a sequence may have, prompt and answer together.
  virtual int64_t max_tokens() const = 0;
  /// 1; 3 for positions of time, height and width (M-RoPE).
  virtual int64_t position_axes() const { return 1; }
  /// The type that it computes in, which is that of embedded tokens.
  virtual at::ScalarType dtype() const = 0;
  virtual at::Device device() const = 0;
  /// All attention layers, in order of execution.
  virtual std::vector<attention::Site> sites() const = 0;
};

}  // namespace reel::models
