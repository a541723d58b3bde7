#include "models/lora/layer_change.h"

#include <ATen/ops/isfinite.h>
#include <ATen/ops/kron.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace reel::models {
namespace {

using P = LoraPart;

int64_t product_of(at::IntArrayRef sizes) { return c10::multiply_integers(sizes); }

/// a^T mid b: [out, in * kernel].
at::Tensor tucker(const at::Tensor& mid, const at::Tensor& a, const at::Tensor& b) {
  const int64_t out = a.size(1), in = b.size(1),
                kernel = mid.numel() / std::max<int64_t>(1, mid.size(0) * mid.size(1));
  const at::Tensor left = at::matmul(a.t(), mid.flatten(1)).view({out, mid.size(1), kernel});
  return at::matmul(left.transpose(1, 2), b).transpose(1, 2).reshape({out, in * kernel});
}

}  // namespace

std::vector<int64_t> shape_with_middle(const at::Tensor& mid, int64_t out, int64_t in) {
  std::vector<int64_t> shape = mid.sizes().vec();
  shape[0] = out, shape[1] = in;
  return shape;
}

void LayerChange::refuse(const std::string& what) const {
  throw std::runtime_error("[" + file + "] '" + module + "' " + what);
}

bool LayerChange::changes_weight() const {
  return std::any_of(parts.begin(), parts.end(), [](const auto& part) {
    return part.first != P::kUpBias && part.first != P::kDiffBias && part.first != P::kAlpha;
  });
}

std::optional<int64_t> LayerChange::rank() const {
  for (const P part : {P::kDown, P::kEmbeddingDown, P::kHada1B, P::kKron1B, P::kKron2B}) {
    if (has(part)) return at(part).size(0);
  }
  return std::nullopt;
}

std::vector<int64_t> LayerChange::kron_shape() const {
  const auto sizes = [&](P whole, P a, P b, std::optional<P> mid) -> std::vector<int64_t> {
    if (has(whole)) return at(whole).sizes().vec();
    if (mid && has(*mid)) return shape_with_middle(at(*mid), at(a).size(1), at(b).size(1));
    return {at(a).size(0), at(b).size(1)};
  };
  const auto first = sizes(P::kKron1, P::kKron1A, P::kKron1B, std::nullopt);
  auto shape = sizes(P::kKron2, P::kKron2A, P::kKron2B, P::kKron2Mid);
  shape[0] *= first[0], shape[1] *= first[1];
  return shape;
}

std::vector<int64_t> LayerChange::shape() const {
  if (has(P::kDown)) {
    std::vector<int64_t> shape = at(P::kDown).sizes().vec();
    shape[0] = at(P::kUp).size(0);
    if (has(P::kMid)) shape = shape_with_middle(at(P::kMid), shape[0], shape[1]);
    return shape;
  }
  if (has(P::kEmbeddingDown)) return {at(P::kEmbeddingDown).size(1), at(P::kEmbeddingUp).size(0)};
  if (has(P::kHada1Mid))
    return shape_with_middle(at(P::kHada1Mid), at(P::kHada1A).size(1), at(P::kHada1B).size(1));
  if (has(P::kHada1A)) return {at(P::kHada1A).size(0), at(P::kHada1B).size(1)};
  if (has(P::kDiff)) return at(P::kDiff).sizes().vec();
  return kron_shape();
}

bool LayerChange::fits(at::IntArrayRef weight) const {
  std::vector<int64_t> change = shape(), of = weight.vec();
  if (dora_counts_inputs() && (of.size() < 2 || at(P::kDoraScale).numel() != of[1])) return false;
  if (change.size() == 2 && of.size() > 2)
    return change[0] == of[0] && change[1] == product_of(weight.slice(1));
  for (auto* sizes : {&change, &of}) {
    while (sizes->size() > 1 && sizes->back() == 1) sizes->pop_back();
  }
  return change == of;
}

bool LayerChange::dora_counts_inputs() const {
  if (!has(P::kDoraScale)) return false;
  const at::Tensor& scale_of = at(P::kDoraScale);
  return scale_of.dim() >= 2 && scale_of.size(0) == 1 && scale_of.size(1) > 1;
}

at::Tensor LayerChange::matrix(LoraPart part) const { return at(part).to(at::kFloat).flatten(1); }

at::Tensor LayerChange::product() const {
  if (has(P::kMid)) return tucker(at(P::kMid).to(at::kFloat), matrix(P::kUp).t(), matrix(P::kDown));
  if (has(P::kDown)) return at::matmul(matrix(P::kUp), matrix(P::kDown));
  if (has(P::kEmbeddingDown)) return at::matmul(matrix(P::kEmbeddingUp), matrix(P::kEmbeddingDown)).t();
  const auto pair = [&](P a, P b, P mid) {
    return has(mid) ? tucker(at(mid).to(at::kFloat), matrix(a), matrix(b)) : at::matmul(matrix(a), matrix(b));
  };
  if (has(P::kHada1A))
    return pair(P::kHada1A, P::kHada1B, P::kHada1Mid) * pair(P::kHada2A, P::kHada2B, P::kHada2Mid);
  if (has(P::kDiff)) return at(P::kDiff).to(at::kFloat);
  // The kernel of a convolution is the innermost part of an input's index, so flat factors give the same product.
  const at::Tensor first =
      has(P::kKron1) ? matrix(P::kKron1) : at::matmul(matrix(P::kKron1A), matrix(P::kKron1B));
  const at::Tensor second = has(P::kKron2) ? matrix(P::kKron2) : pair(P::kKron2A, P::kKron2B, P::kKron2Mid);
  return at::kron(first, second);
}

void LayerChange::add_to_weight(at::Tensor& weight, const at::Tensor& original) const {
  const at::Tensor change = product().reshape(weight.sizes());
  const double factor = strength * scale;
  if (!std::isfinite(factor) || !at::isfinite(change).all().item<bool>())
    refuse("makes values that are no finite numbers; the file is damaged: fetch it again");
  if (!has_dora()) {
    weight.add_(change, factor);
    return;
  }
  const at::Tensor merged = original + change * factor;
  const at::Tensor magnitude = at(has(P::kMagnitude) ? P::kMagnitude : P::kDoraScale).to(at::kFloat);
  const int64_t axis = dora_counts_inputs() ? 1 : 0;
  std::vector<int64_t> others;
  for (int64_t d = 0; d < merged.dim(); ++d) {
    if (d != axis) others.push_back(d);
  }
  const at::Tensor length = merged.square().sum(others, /*keepdim=*/true).sqrt();
  const at::Tensor result = merged * (magnitude.view(length.sizes()) / length);
  if (!at::isfinite(result).all().item<bool>())
    refuse(
        "gives rows of the weight a length (DoRA) that is no finite number; it was trained for another "
        "model");
  weight.add_(result - original);
}

void LayerChange::add_to_bias(at::Tensor& bias) const {
  for (const P part : {P::kUpBias, P::kDiffBias}) {
    if (!has(part)) continue;
    const at::Tensor change = at(part).to(at::kFloat);
    if (!at::isfinite(change).all().item<bool>())
      refuse("changes the bias by values that are no finite numbers; the file is damaged: fetch it again");
    bias.add_(change.view(bias.sizes()), part == P::kUpBias ? strength * scale : strength);
  }
}

}  // namespace reel::models
