// What the attention seam costs: a call without edits beside ATen's function, and the explicit path beside a map that
// is formed once.
//
//   cmake --build build/cpu-release --target attention_seam && build/cpu-release/attention_seam
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <cstdio>

#include "attention/explicit_attention.h"
#include "attention/processor.h"

namespace {

using namespace reel;

/// Median seconds of a call, of `repeats` measurements of `calls` each.
template <class F>
double seconds(int calls, int repeats, const F& f) {
  std::vector<double> all;
  for (int r = 0; r < repeats; ++r) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) f();
    all.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls);
  }
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

void call_cost() {
  const attention::Site site{.path = "layers.0.self_attn", .kind = attention::SiteKind::kCausal, .heads = 8};
  const Step step;
  for (const int64_t keys : {16, 256}) {
    const at::Tensor q = at::randn({1, 1, 8, 1, 64}), k = at::randn({1, 1, 8, keys, 64}),
                     v = at::randn({1, 1, 8, keys, 64});
    const at::Tensor fq = q.squeeze(1), fk = k.squeeze(1), fv = v.squeeze(1);
    attention::Processor plain;
    const auto ours = [&] {
      attention::Call call{.site = site, .step = step};
      call.q = q, call.k = k, call.v = v;
      call.visible.causal = true;
      plain.attend(std::move(call));
    };
    const auto aten = [&] { at::scaled_dot_product_attention(fq, fk, fv); };
    seconds(2000, 1, ours), seconds(2000, 1, aten);
    const double a = seconds(5000, 9, aten), b = seconds(5000, 9, ours);
    std::printf("one query, %4ld keys, 8 heads of 64: ATen %.2f us, processor %.2f us, %.2f us more\n",
                long(keys), a * 1e6, b * 1e6, (b - a) * 1e6);
  }
}

void explicit_cost(int64_t n, at::ScalarType dtype) {
  const attention::Site site{
      .path = "transformer_blocks.0.attn1", .kind = attention::SiteKind::kJoint, .heads = 2};
  const Step step;
  attention::Call call{.site = site, .step = step};
  call.q = at::randn({1, 1, 2, n, 64}).to(dtype), call.k = at::randn({1, 1, 2, n, 64}).to(dtype),
  call.v = at::randn({1, 1, 2, n, 64}).to(dtype);
  const auto in_blocks = [&] { attention::explicit_attention(call, {.bytes = int64_t{256} << 20}); };
  const auto once = [&] {
    const at::Tensor k = call.k.to(at::kFloat), v = call.v.to(at::kFloat);
    at::Tensor map = at::matmul(call.q.to(at::kFloat), k.transpose(-1, -2)).mul_(1.0 / 8);
    at::softmax_out(map, map, -1);
    at::matmul(map, v).to(dtype);
  };
  in_blocks();
  const double a = seconds(1, 3, once), b = seconds(1, 3, in_blocks);
  std::printf(
      "explicit path, %5ld keys, %s: the map at once %.2f s (%.1f GiB), in blocks of 256 MiB %.2f s: %.2f\n",
      long(n), dtype == at::kFloat ? "f32" : "bf16", a, double(n) * double(n) * 8 / double(1 << 30), b,
      b / a);
}

}  // namespace

int main() {
  const c10::InferenceMode inference;
  call_cost();
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) explicit_cost(17776, dtype);
  return 0;
}
