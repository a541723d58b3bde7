#include "models/plan.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/record_function.h>
#include <c10/core/Allocator.h>
#include <c10/core/InferenceMode.h>
#include <torch/library.h>

#include "models/layers/vae_tiling.h"

namespace reel::models {
namespace {

/// Sizes of the tensors without data that one thread makes.
struct Meter {
  int64_t live = 0, peak = 0, small = 0, small_peak = 0, large_peak = 0;
  double flops = 0;

  void add(int64_t bytes) {
    live += bytes;
    if (std::abs(bytes) < kReturnedBlock) small += bytes;
    peak = std::max(peak, live);
    small_peak = std::max(small_peak, small);
    large_peak = std::max(large_peak, live - small);
  }
};
thread_local std::shared_ptr<Meter> t_meter;  // LibTorch asks for memory without saying for whom

/// Takes the place of LibTorch's allocator of tensors without data, which have no memory either way.
class MeteringAllocator : public c10::Allocator {
 public:
  static void install() {
    static MeteringAllocator allocator;
    [[maybe_unused]] static const bool once =
        (c10::SetAllocator(c10::kMeta, &allocator, /*priority=*/1), true);
  }
  c10::DataPtr allocate(size_t bytes) override {
    Block* block = t_meter ? new Block{t_meter, static_cast<int64_t>(bytes)} : nullptr;
    if (block) block->meter->add(block->bytes);
    return {nullptr, block, &free, c10::Device(c10::kMeta)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free; }
  void copy_data(void*, const void*, size_t) const override {}

 private:
  struct Block {
    std::shared_ptr<Meter> meter;
    int64_t bytes;
  };
  static void free(void* context) {
    const std::unique_ptr<Block> block(static_cast<Block*>(context));
    if (block) block->meter->add(-block->bytes);
  }
};

double elements_of(const at::Tensor& t) { return static_cast<double>(t.numel()); }

/// Of a convolution: each output cell is a product with one filter. `pads`: per side.
double flops_of_convolution(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef stride,
                            at::IntArrayRef pads) {
  double cells = static_cast<double>(x.size(0));
  for (int64_t i = 2; i < x.dim(); ++i)
    cells *= static_cast<double>((x.size(i) + 2 * pads[i - 2] - weight.size(i)) / stride[i - 2] + 1);
  return 2 * cells * elements_of(weight);
}

std::unique_ptr<at::ObserverContext> count_flops(const at::RecordFunction& op) {
  const std::string_view name = op.name();
  const auto tensor = [&](size_t i) { return op.inputs()[i].toTensor(); };
  double& flops = t_meter->flops;
  if (name == "aten::linear") flops += 2 * elements_of(tensor(0)) * static_cast<double>(tensor(1).size(0));
  if (name == "mkldnn::_convolution_pointwise_")
    flops += 2 * elements_of(tensor(1)) * static_cast<double>(tensor(2).size(0));
  if (name == "aten::convolution") {
    flops += flops_of_convolution(tensor(0), tensor(1), op.inputs()[3].toIntVector(),
                                  op.inputs()[4].toIntVector());
  }
  if (name == "reel::frame_attention" || name == "aten::scaled_dot_product_attention")
    flops += 4 * elements_of(tensor(0)) * static_cast<double>(tensor(1).size(-2));
  return nullptr;
}

/// Counts what this thread does, as long as it lives.
class Metering {
 public:
  Metering() {
    MeteringAllocator::install();
    t_meter = meter_;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(count_flops).needsInputs(true));
  }
  ~Metering() {
    at::removeCallback(handle_);
    t_meter.reset();
  }
  Metering(const Metering&) = delete;
  Metering& operator=(const Metering&) = delete;

  int64_t live() const { return meter_->live; }
  /// The plan of a network whose weights are alive, and of the call `run` of it.
  Plan of(const std::function<at::Tensor()>& run) {
    const c10::InferenceMode inference;
    const Meter before = *meter_;
    *meter_ = {};
    const at::Tensor result = run();
    Plan plan;
    plan.weights = before.live;
    plan.activations = meter_->peak;
    plan.kept = meter_->small_peak, plan.returned = meter_->large_peak;
    plan.output = static_cast<int64_t>(result.nbytes());
    plan.output_shape = result.sizes().vec();
    plan.flops = meter_->flops;
    return plan;
  }

 private:
  std::shared_ptr<Meter> meter_ = std::make_shared<Meter>();
  at::CallbackHandle handle_ = 0;
};

at::Tensor without_data(at::IntArrayRef shape) {
  return at::empty(shape, at::TensorOptions(at::kFloat).device(at::kMeta));
}

// Operators that have no form without data in LibTorch's C++ (Python registers theirs). Boxed, since the exact C++
// types are not LibTorch's public interface.

void convolution_without_data(const c10::OperatorHandle&, c10::Stack* stack) {
  const at::Tensor x = torch::jit::peek(*stack, 0, 9).toTensor(),
                   weight = torch::jit::peek(*stack, 1, 9).toTensor();
  const auto stride = torch::jit::peek(*stack, 3, 9).toIntVector(),
             pads = torch::jit::peek(*stack, 4, 9).toIntVector();
  std::vector<int64_t> shape = {x.size(0), weight.size(0)};
  for (int64_t i = 2; i < x.dim(); ++i)
    shape.push_back((x.size(i) + 2 * pads[i - 2] - weight.size(i)) / stride[i - 2] + 1);
  torch::jit::drop(*stack, 9);
  torch::jit::push(*stack, at::empty(shape, x.options(), at::MemoryFormat::ChannelsLast));
}

/// residual += convolution, in place.
void sum_without_data(const c10::OperatorHandle& op, c10::Stack* stack) {
  const size_t count = op.schema().arguments().size();
  at::Tensor residual = torch::jit::peek(*stack, 0, count).toTensor();
  torch::jit::drop(*stack, count);
  torch::jit::push(*stack, std::move(residual));
}

void embedding_without_data(const c10::OperatorHandle&, c10::Stack* stack) {
  const at::Tensor table = torch::jit::peek(*stack, 0, 5).toTensor();
  std::vector<int64_t> shape = torch::jit::peek(*stack, 1, 5).toTensor().sizes().vec();
  shape.push_back(table.size(1));
  torch::jit::drop(*stack, 5);
  torch::jit::push(*stack, at::empty(shape, table.options()));
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("convolution_overrideable",
               torch::CppFunction::makeFromBoxedFunction<&convolution_without_data>());
  library.impl("embedding", torch::CppFunction::makeFromBoxedFunction<&embedding_without_data>());
}

TORCH_LIBRARY_IMPL(mkldnn, Meta, library) {
  library.impl("_convolution_pointwise_.binary",
               torch::CppFunction::makeFromBoxedFunction<&sum_without_data>());
}

Plan plan_text_encoder(const FamilyEntry& family, const ComponentFiles& files, LoadOptions options,
                       int64_t rows) {
  options.shapes_only = true;
  Metering metering;
  const auto encoder = family.text_encoder(files, options);
  const at::Tensor ids = at::zeros({rows, encoder->max_tokens()}, at::kLong);
  return metering.of([&] { return encoder->encode_ids(ids); });
}

Plan plan_denoiser(const FamilyEntry& family, const ComponentFiles& files, LoadOptions options,
                   at::IntArrayRef latent, at::IntArrayRef context,
                   const std::map<std::string, double>& facts) {
  options.shapes_only = true;
  Conditioning condition;
  condition.context = without_data(context);
  condition.rows.resize(static_cast<size_t>(latent[0]));
  condition.facts = facts;
  const at::Tensor sample = without_data(latent);
  Metering metering;
  const auto denoiser = family.denoiser(files, options);
  attention::Processor attend;
  return metering.of([&] {
    const auto state = denoiser->begin(condition);
    return denoiser->predict(sample, Step{}, *state, attend);
  });
}

Plan plan_vae(const FamilyEntry& family, const ComponentFiles& files, LoadOptions options,
              at::IntArrayRef latent, int64_t tile) {
  options.shapes_only = true;
  const at::Tensor sample = without_data(latent);
  Metering metering;
  const auto vae = family.vae(files, options);
  const VaeTiling tiling{.tile = tile, .frames = frames_at_once(*vae, latent[3], latent[4], tile)};
  return metering.of([&] { return vae->decode(sample, tiling); });
}

Plan plan_captioner(const FamilyEntry& family, const ComponentFiles& files, LoadOptions options,
                    const CaptionSize& size) {
  options.shapes_only = true;
  const at::Tensor pixels =
      without_data({size.rows * size.pictures, 3, size.picture.height, size.picture.width});
  Metering metering;
  const auto captioner = family.captioner(files, options);
  const LanguageModel& model = captioner->language_model();
  std::vector<Sequence> sequences(static_cast<size_t>(size.rows));
  std::vector<Row> rows(sequences.size());
  for (size_t r = 0; r < rows.size(); ++r) sequences[r].id = r, rows[r].sequence = &sequences[r];
  std::vector<int64_t> ids(static_cast<size_t>(size.words), 0);
  for (int64_t p = 0; p < size.pictures; ++p) {
    for (const int64_t id : captioner->picture_ids(size.picture)) ids.push_back(id);
  }
  return metering.of([&] {
    const at::Tensor features = captioner->picture_features(pixels);
    std::vector<at::Tensor> embedded, positions;
    for (int64_t r = 0; r < size.rows; ++r) {
      std::vector<PictureTokens> pictures;
      for (int64_t p = 0; p < size.pictures; ++p)
        pictures.push_back({features[r * size.pictures + p], size.picture});
      const EmbeddedPrompt prompt = captioner->embed(ids, pictures);
      embedded.push_back(prompt.embedded), positions.push_back(prompt.positions);
    }
    attention::Processor attend;
    LayerCaches caches(model.layers());
    model.forward(at::cat(embedded), {.rows = rows, .positions = at::cat(positions), .caches = &caches},
                  attend);
    embedded.clear();
    const at::Tensor answer = without_data({size.rows, size.answer, model.width()}).to(model.dtype());
    const at::Tensor places = without_data({1, size.answer, model.position_axes()});
    const at::Tensor hidden = model.forward(
        answer, {.rows = rows, .positions = places, .caches = &caches, .step = {.index = 1}}, attend);
    return model.logits(hidden);
  });
}

}  // namespace reel::models
