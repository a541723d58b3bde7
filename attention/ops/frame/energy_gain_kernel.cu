// From the partial sums of frame_map_energy to each row's gain: a few numbers, without a wait for the host.
#include "attention/ops/frame/frame_map_energy_kernel.h"

namespace reel::attention {
namespace {

constexpr int kThreads = 1024;

/// One block for each row.
__global__ void energy_sums(const float* sums, int64_t parts, double scale, double* energies) {
  __shared__ double memory[3][kThreads];
  double mine[3] = {};
  const float* row = sums + blockIdx.x * parts * 3;
  for (int64_t part = threadIdx.x; part < parts; part += kThreads) {
    for (int e = 0; e < 3; ++e) mine[e] += row[part * 3 + e];
  }
  for (int e = 0; e < 3; ++e) memory[e][threadIdx.x] = mine[e];
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) {
      for (int e = 0; e < 3; ++e) memory[e][threadIdx.x] += memory[e][threadIdx.x + half];
    }
  }
  // The first thread wrote the three sums itself.
  if (threadIdx.x == 0) {
    for (int e = 0; e < 3; ++e) energies[e * gridDim.x + blockIdx.x] = memory[e][0] * scale;
  }
}

__global__ void energy_gain(const double* before, const double* guided, const double* high, double least,
                            int64_t count, float* gain) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const double low = guided[i] - high[i];
  const double adaptive = fmax(sqrt(fmax(before[i] - low, 0.0) / fmax(high[i], 1e-30)), least);
  gain[i] = static_cast<float>(high[i] < 1e-8 ? 1.0 : adaptive);
}

}  // namespace

void launch_energy_sums(const float* sums, int64_t rows, int64_t parts, double scale, double* energies,
                        cudaStream_t stream) {
  energy_sums<<<static_cast<unsigned int>(rows), kThreads, 0, stream>>>(sums, parts, scale, energies);
}

void launch_energy_gain(const double* before, const double* guided, const double* high, double least,
                        int64_t count, float* gain, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned int>((count + kThreads - 1) / kThreads);
  energy_gain<<<blocks, kThreads, 0, stream>>>(before, guided, high, least, count, gain);
}

}  // namespace reel::attention
