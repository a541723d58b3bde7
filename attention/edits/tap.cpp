// `tap`: records the attention maps of the selection, as the edits before it leave them, within a memory budget. It
// changes nothing.
#include "attention/plugin/edit_registry.h"

namespace reel::attention {
namespace {

/// Keeps one tensor per site and step, named `<site path>/step<index>` (a further call of the same step, as
/// in two-pass guidance, adds `/call<n>`): the map averaged over sequences and heads [R, Nq, Nk], over
/// sequences only [R, heads, Nq, Nk], or all of it [R, G, heads, Nq, Nk]; f32, on the CPU. What exceeds the
/// budget is dropped and counted.
class Tap : public Edit {
 public:
  struct Options {
    std::string keep = "mean", file;
    int64_t budget_mb = 256;
  };
  explicit Tap(Options options) : options_(std::move(options)) {}

  Hooks hooks() const override { return {.probs = true, .whole_map = true, .observes = true}; }

  void on_probs(const Call& call, at::Tensor& probs) override {
    at::Tensor kept = probs;
    if (options_.keep == "heads") kept = probs.mean(1);
    if (options_.keep == "mean") kept = probs.mean(at::IntArrayRef{1, 2});
    const auto bytes = static_cast<int64_t>(kept.nbytes());
    if (bytes_ + bytes > options_.budget_mb << 20) {
      ++dropped_;
      return;
    }
    bytes_ += bytes;
    const std::string name = call.site.path + "/step" + std::to_string(call.step.index);
    std::string free_name = name;
    for (int i = 1; tensors_.count(free_name); ++i) free_name = name + "/call" + std::to_string(i);
    tensors_[free_name] = kept.to(at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  }

  Recording recording() const override { return {options_.file, tensors_}; }
  EditFacts facts() const override {
    return {{"maps", double(tensors_.size())}, {"bytes", double(bytes_)}, {"dropped", double(dropped_)}};
  }

 private:
  Options options_;
  std::map<std::string, at::Tensor> tensors_;
  int64_t bytes_ = 0, dropped_ = 0;
};

}  // namespace

void register_tap(EditRegistry& registry) {
  registry
      .add<Tap>(
          "tap", "TapAttention",
          "Records attention maps to a safetensors file, as the edits before it leave them; changes nothing.",
          "reel")
      .param("keep", &Tap::Options::keep, "mean over sequences and heads, mean over sequences, or all", {},
             {"mean", "heads", "maps"})
      .param("file", &Tap::Options::file, "safetensors file that the maps are written to")
      .writes("file")
      .param("budget_mb", &Tap::Options::budget_mb,
             "MiB of maps kept in memory; further ones are dropped and counted", Range{1, 1 << 20});
}

}  // namespace reel::attention
