// Elementary functions written so that the compiler turns loops over them into vector code, without a library
// call.
#pragma once

#include <cstdint>
#include <cstring>

namespace reel {

/// Compiles a function for several instruction sets; the program picks the best one of the machine it runs
/// on.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define REEL_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define REEL_MULTIVERSION
#endif

/// For parts of a REEL_MULTIVERSION function: only inlined do they become code for its instruction set.
#define REEL_INLINE inline __attribute__((always_inline))

/// e^x to about 2 units in the last place for x in [-87, 88]; below -87 it gives about 1e-38, above 88
/// infinity's neighbour. Method: x = n ln 2 + r with |r| <= ln 2 / 2; a polynomial for e^r; n goes into the
/// exponent bits.
inline float fast_exp(float x) {
  x = x < -87.0F ? -87.0F : (x > 88.0F ? 88.0F : x);
  const float shifted = x * 1.44269504F + 12582912.0F;  // adding 1.5 * 2^23 rounds to the nearest integer
  const float n = shifted - 12582912.0F;
  const float r =
      (x - n * 0.693359375F) + n * 2.12194440e-4F;  // ln 2 in two parts, so that r keeps its digits
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const int32_t exponent = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &exponent, sizeof scale);
  return p * scale;
}

/// x / (1 + e^-x).
inline float fast_silu(float x) { return x / (1.0F + fast_exp(-x)); }

/// The error function to an absolute 1.5e-7.
/// Source: Abramowitz and Stegun, Handbook of Mathematical Functions, formula 7.1.26.
inline float fast_erf(float x) {
  const float a = x < 0 ? -x : x;
  const float t = 1.0F / (1.0F + 0.3275911F * a);
  float p = 1.061405429F;
  p = p * t - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  const float y = 1.0F - p * t * fast_exp(-a * a);
  return x < 0 ? -y : y;
}

/// Exact (error function) GELU.
inline float fast_gelu(float x) { return 0.5F * x * (1.0F + fast_erf(x * 0.70710678F)); }

}  // namespace reel
