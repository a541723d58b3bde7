// `scale`: multiplies the attention logits of the selection. The smallest useful edit.
#include "attention/plugin/edit_registry.h"

namespace reel::attention {
namespace {

/// softmax(factor * scale q k^T): above 1 sharpens attention, below 1 flattens it, 0 makes it uniform. 1 is
/// the identity, bit for bit, because then no hook is used. Multiplying q gives the same logits as
/// multiplying them after the product, so attention stays fused.
class Scale : public Edit {
 public:
  struct Options {
    double factor = 1.0;
  };
  explicit Scale(Options options) : factor_(options.factor) {}
  Hooks hooks() const override { return {.inputs = factor_ != 1.0}; }
  void on_inputs(Call& call) override { call.q = call.q * factor_; }

 private:
  double factor_;
};

}  // namespace

void register_scale(EditRegistry& registry) {
  registry
      .add<Scale>("scale", "ScaleAttention", "Multiplies attention logits: sharper above 1, flatter below.",
                  "temperature of softmax attention")
      .param("factor", &Scale::Options::factor, "multiplies the logits; 1 changes nothing",
             Range{0.0, 100.0});
}

}  // namespace reel::attention
