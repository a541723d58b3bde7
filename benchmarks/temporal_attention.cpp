// Attention along frames: reel's kernel, plain and edited, against LibTorch's scaled_dot_product_attention on
// the same tensors, in alternating order. Prints a table; see benchmarks/README.md.
//
//   temporal_attention [cpu|cuda] [f32|f16|bf16] [repeats]
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "attention/edits/support/place_resampling.h"
#include "attention/ops/frame/frame_attention.h"
#include "attention/ops/frame/frame_map_energy.h"

namespace {

using namespace reel::attention;

/// A temporal site of a UNet: two batch rows (guidance) of a map of height x width.
struct Shape {
  const char* name;
  int64_t height, width, heads, frames, d, anchor_height, anchor_width;
};
const Shape kShapes[] = {
    {"AnimateDiff 512x512, F 16, level 0", 64, 64, 8, 16, 40, 16, 16},
    {"AnimateDiff 512x512, F 16, level 1", 32, 32, 8, 16, 80, 16, 16},
    {"AnimateDiff 512x512, F 16, level 2", 16, 16, 8, 16, 160, 16, 16},
    {"VideoCrafter2 320x512, F 16, level 0", 40, 64, 5, 16, 64, 10, 16},
    {"VideoCrafter2 320x512, F 16, level 1", 20, 32, 10, 16, 64, 10, 16},
    {"VideoCrafter2 320x512, F 64, level 0", 40, 64, 5, 64, 64, 10, 16},
    {"VideoCrafter2 320x512, F 64, level 1", 20, 32, 10, 64, 64, 10, 16},
};

void wait(at::Device device) {
  if (device.is_cuda())
    at::detail::getCUDAHooks().deviceSynchronize(std::max<c10::DeviceIndex>(device.index(), 0));
}

/// Seconds of one call: the median of `repeats` measurements of enough calls for 20 ms each.
class Timer {
 public:
  Timer(at::Device device, std::function<void()> call) : device_(device), call_(std::move(call)) {
    call_(), wait(device_);
    const double once = measure(1);
    calls_ = std::clamp(static_cast<int>(0.02 / once), 1, 1000);
  }
  void repeat() { seconds_.push_back(measure(calls_)); }
  double median() {
    std::sort(seconds_.begin(), seconds_.end());
    return seconds_[seconds_.size() / 2];
  }

 private:
  double measure(int calls) {
    wait(device_);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) call_();
    wait(device_);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls;
  }
  at::Device device_;
  std::function<void()> call_;
  int calls_ = 1;
  std::vector<double> seconds_;
};

/// What the memory of the device moves: a large copy, read and written, in bytes a second.
double copy_speed(at::Device device) {
  const at::Tensor from = at::empty({int64_t{1} << 28}, at::TensorOptions(at::kFloat).device(device)),
                   to = at::empty_like(from);
  Timer timer(device, [&] { to.copy_(from); });
  for (int i = 0; i < 5; ++i) timer.repeat();
  return 2.0 * double(from.nbytes()) / timer.median();
}

void measure(const Shape& shape, at::Device device, at::ScalarType dtype, int repeats, double speed) {
  const int64_t rows = 2, places = shape.height * shape.width, frames = shape.frames;
  const auto options = at::TensorOptions(dtype).device(device);
  const auto make = [&] {
    return at::randn({rows, frames, places, shape.heads, shape.d}, options).permute({0, 2, 3, 1, 4});
  };
  const at::Tensor q = make(), k = make(), v = make();
  const double scale = 1.0 / std::sqrt(double(shape.d));
  FrameMapEdit vstar;
  vstar.band = at::exp(at::arange(frames, at::kFloat).square() / -2).to(device);
  FrameMapEdit broadway;
  broadway.anchor =
      at::softmax(at::randn({rows, shape.anchor_height * shape.anchor_width, shape.heads, frames, frames},
                            at::TensorOptions(at::kFloat).device(device)),
                  -1);
  if (device.is_cuda() && dtype != at::kFloat) broadway.anchor = broadway.anchor.to(at::kHalf);
  const PlaceResampling resampling =
      resample_places(shape.anchor_height, shape.anchor_width, shape.height, shape.width, "nearest");
  broadway.places = resampling.places.to(device), broadway.weights = resampling.weights.to(device);
  broadway.alpha = 0.6;
  broadway.gain = at::full({rows}, 1.5, at::TensorOptions(at::kFloat).device(device));
  const FrameMapEdit guided = broadway.rows(1, 1);
  const auto fold = [](const at::Tensor& t) { return t.flatten(0, 1); };
  const at::Tensor fq = fold(q), fk = fold(k), fv = fold(v);

  std::vector<Timer> timers;
  // The result of the generic kernel is copied where it must be: heads are merged afterwards.
  timers.emplace_back(device,
                      [&] { at::scaled_dot_product_attention(fq, fk, fv, std::nullopt, 0.0, false, scale); });
  timers.emplace_back(device, [&] { frame_attention(q, k, v, scale); });
  timers.emplace_back(device, [&] { frame_attention(q, k, v, scale, vstar); });
  timers.emplace_back(device, [&] {  // as in a later block: measured on the conditional row
    frame_map_energy(q.narrow(0, 1, 1), k.narrow(0, 1, 1), scale, guided);
    frame_attention(q, k, v, scale, broadway);
  });
  for (int i = 0; i < repeats; ++i) {
    for (Timer& timer : timers) timer.repeat();
  }
  const double bytes = 4.0 * double(q.nbytes()), plain = timers[1].median();
  std::printf("| %s | %.3f | %.3f | %.2f | %.0f (%.0f %%) | %.2f | %.2f |\n", shape.name,
              timers[0].median() * 1e3, plain * 1e3, plain / timers[0].median(), bytes / plain / 1e9,
              100 * bytes / plain / speed, timers[2].median() / plain, timers[3].median() / plain);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const c10::InferenceMode guard;
  const std::string device_name = argc > 1 ? argv[1] : "cpu", dtype_name = argc > 2 ? argv[2] : "f32";
  const int repeats = argc > 3 ? std::atoi(argv[3]) : 7;
  const at::Device device(device_name);
  const at::ScalarType dtype = dtype_name == "f16"    ? at::kHalf
                               : dtype_name == "bf16" ? at::kBFloat16
                                                      : at::kFloat;
  if (device.is_cpu()) at::set_num_threads(2);
  const double speed = copy_speed(device);
  std::printf("%s, %s; a large copy moves %.0f GB/s; two rows; medians of %d\n\n", device_name.c_str(),
              dtype_name.c_str(), speed / 1e9, repeats);
  std::printf(
      "| site | SDPA, ms | reel, ms | reel / SDPA | reel, GB/s (of the copy's) | vstar / plain | broadway / "
      "plain |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const Shape& shape : kShapes) {
    if (device.is_cpu() && shape.frames > 16) continue;  // minutes
    measure(shape, device, dtype, repeats, speed);
  }
}
