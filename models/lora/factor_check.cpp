#include "models/lora/factor_check.h"

#include <algorithm>
#include <optional>

namespace reel::models {
namespace {

using P = LoraPart;

/// A kind of change: all of `needs` must be there, `allows` may be.
struct Kind {
  const char* name;
  std::vector<P> needs, allows;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kAll = {
      {"LoRA", {P::kDown, P::kUp}, {P::kUpBias, P::kMid}},
      {"LoRA of an embedding", {P::kEmbeddingDown, P::kEmbeddingUp}, {}},
      {"LoHa", {P::kHada1A, P::kHada1B, P::kHada2A, P::kHada2B}, {P::kHada1Mid, P::kHada2Mid}},
      {"LoKr", {}, {P::kKron1, P::kKron1A, P::kKron1B, P::kKron2, P::kKron2A, P::kKron2B, P::kKron2Mid}},
      {"whole change", {P::kDiff}, {}}};
  return kAll;
}

bool contains(const std::vector<P>& list, P part) {
  return std::find(list.begin(), list.end(), part) != list.end();
}

/// Whether all sizes from `first` on are 1.
bool ones_from(const at::Tensor& tensor, int64_t first) {
  for (int64_t d = first; d < tensor.dim(); ++d) {
    if (tensor.size(d) != 1) return false;
  }
  return true;
}

/// The checks of one layer, one function for each kind of change.
class Check {
 public:
  explicit Check(const LayerChange& change) : change_(change) {}

  void run() {
    const Kind* kind = find_kind();
    if (!kind) return;
    for (const P part : kind->needs) need(part);
    if (has(P::kDown)) pair();
    if (has(P::kEmbeddingDown)) embedding();
    if (has(P::kHada1A)) hada();
    if (kind->needs.empty()) kron();
    if (has(P::kDiff) && at(P::kDiff).dim() < 1) misfit({P::kDiff});
    if (change_.has_dora()) dora();
  }

 private:
  bool has(P part) const { return change_.has(part); }
  const at::Tensor& at(P part) const { return change_.at(part); }

  void need(P part) const {
    if (has(part)) return;
    const std::string name = part == P::kDown ? "down" : part == P::kUp ? "up" : name_of(part);
    change_.refuse("lacks its " + name + " factor; the file is incomplete: fetch it again");
  }

  [[noreturn]] void misfit(std::initializer_list<P> of) const {
    std::string text = "has factors that do not match:";
    for (const P part : of) {
      if (has(part)) text += std::string(" ") + name_of(part) + " " + c10::str(at(part).sizes());
    }
    change_.refuse(text + "; fetch the file again");
  }

  void need_matrices(std::initializer_list<P> of) const {
    for (const P part : of) {
      if (at(part).dim() != 2 || at(part).numel() == 0) misfit(of);
    }
  }

  /// The one kind that all parts belong to; null if there is only a change of the bias.
  const Kind* find_kind() const {
    const Kind* kind = nullptr;
    for (const auto& [part, tensor] : change_.parts) {
      if (part != P::kAlpha && !at::isFloatingType(tensor.scalar_type())) {
        change_.refuse(std::string("has ") + name_of(part) + " in whole numbers (" +
                       c10::toString(tensor.scalar_type()) +
                       "): a quantised LoRA, whose scales are not known here; fetch it in f16, bf16 or f32");
      }
      for (const Kind& candidate : kinds()) {
        if (!contains(candidate.needs, part) && !contains(candidate.allows, part)) continue;
        if (kind && kind != &candidate) {
          change_.refuse(std::string("mixes the factors of a ") + kind->name + " and of a " + candidate.name +
                         "; save it in one form");
        }
        kind = &candidate;
      }
    }
    if (!kind && !(has(P::kDiffBias) && change_.parts.size() == 1)) {
      change_.refuse(std::string("has ") + name_of(change_.parts.begin()->first) +
                     ", but no factors that it could count for; the file is incomplete: fetch it again");
    }
    return kind;
  }

  void pair() const {
    const at::Tensor &down = at(P::kDown), &up = at(P::kUp);
    const std::initializer_list<P> of = {P::kDown, P::kMid, P::kUp};
    if (down.dim() < 2 || up.dim() < 2 || down.numel() == 0 || up.numel() == 0 || !ones_from(up, 2))
      misfit(of);
    if (has(P::kMid)) {
      const at::Tensor& mid = at(P::kMid);
      if (mid.dim() < 2 || mid.size(0) != up.size(1) || mid.size(1) != down.size(0) || !ones_from(down, 2))
        misfit(of);
    } else if (down.size(0) != up.size(1)) {
      misfit(of);
    }
    if (!has(P::kUpBias)) return;
    if (at(P::kUpBias).numel() != up.size(0)) misfit({P::kUp, P::kUpBias});
    if (change_.has_dora())
      change_.refuse(
          "has magnitudes (DoRA) and a bias of its factors, which peft does not allow; save it without the "
          "bias");
  }

  void embedding() const {
    need_matrices({P::kEmbeddingDown, P::kEmbeddingUp});
    if (at(P::kEmbeddingDown).size(0) != at(P::kEmbeddingUp).size(1))
      misfit({P::kEmbeddingDown, P::kEmbeddingUp});
    if (change_.has_dora())
      change_.refuse("has magnitudes (DoRA) for an embedding, which are not known here; merge it in peft");
  }

  /// Shape of a pair, with a middle if `mid` is there.
  std::vector<int64_t> product_shape(P a, P b, P mid) const {
    need_matrices({a, b});
    if (!has(mid)) {
      if (at(a).size(1) != at(b).size(0)) misfit({a, b});
      return {at(a).size(0), at(b).size(1)};
    }
    const at::Tensor& middle = at(mid);
    if (middle.dim() < 2 || middle.numel() == 0 || middle.size(0) != at(a).size(0) ||
        middle.size(1) != at(b).size(0))
      misfit({a, b, mid});
    return shape_with_middle(middle, at(a).size(1), at(b).size(1));
  }

  void hada() const {
    if (has(P::kHada1Mid) || has(P::kHada2Mid)) need(P::kHada1Mid), need(P::kHada2Mid);
    if (product_shape(P::kHada1A, P::kHada1B, P::kHada1Mid) !=
        product_shape(P::kHada2A, P::kHada2B, P::kHada2Mid))
      misfit({P::kHada1A, P::kHada1B, P::kHada2A, P::kHada2B});
  }

  void kron() const {
    const auto factor = [&](P whole, P a, P b, std::optional<P> mid) {
      const bool in_parts = has(a) || has(b) || (mid && has(*mid));
      if (has(whole) && in_parts)
        change_.refuse(std::string("has ") + name_of(whole) + " whole and in parts; save it in one form");
      if (has(whole)) {
        if (at(whole).dim() < 2 || at(whole).numel() == 0) misfit({whole});
        return;
      }
      if (!in_parts) need(whole);
      need(a), need(b);
      if (mid)
        product_shape(a, b, *mid);
      else if (need_matrices({a, b}); at(a).size(1) != at(b).size(0))
        misfit({a, b});
    };
    factor(P::kKron1, P::kKron1A, P::kKron1B, std::nullopt);
    factor(P::kKron2, P::kKron2A, P::kKron2B, P::kKron2Mid);
    if (has(P::kKron1) && !ones_from(at(P::kKron1), 2)) misfit({P::kKron1, P::kKron2});
  }

  /// Magnitudes: one for each output, or (dora_scale alone) [1, in, 1...] for each input.
  void dora() const {
    const P part = has(P::kMagnitude) ? P::kMagnitude : P::kDoraScale;
    if (has(P::kMagnitude) && has(P::kDoraScale))
      change_.refuse("has lora_magnitude_vector and dora_scale; save it in one form");
    if (has(P::kDiff)) change_.refuse("has magnitudes (DoRA) of a whole change; save it in one form");
    const std::vector<int64_t> shape = change_.shape();
    const at::Tensor& magnitude = at(part);
    if (change_.dora_counts_inputs()
            ? magnitude.numel() == magnitude.size(1) && shape[1] % magnitude.size(1) == 0
            : magnitude.numel() == shape[0])
      return;
    change_.refuse(std::string("has ") + name_of(part) + " " + c10::str(magnitude.sizes()) +
                   ", which must have one value for each of the " + std::to_string(shape[0]) +
                   " outputs; fetch the file again");
  }

  const LayerChange& change_;
};

}  // namespace

void check_factors(const LayerChange& change) { Check(change).run(); }

}  // namespace reel::models
