// Elementary functions written so that the compiler turns loops over them into vector code, without a library
// call.
#pragma once

#include <cstdint>
#include <cstring>

namespace reel {

/// Compiles a function for several instruction sets; the program picks the best one of the machine it runs
/// on.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
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

/// The error function to an absolute 5e-7: a rational function of x, which is 1 in f32 from 4 on.
/// Source: the minimax coefficients of Eigen's and XLA's f32 erf.
inline float fast_erf(float x) {
  x = x < -4.0F ? -4.0F : (x > 4.0F ? 4.0F : x);
  const float s = x * x;
  float p = -2.72614225801306e-10F;
  p = p * s + 2.77068142495902e-08F;
  p = p * s - 2.10102402082508e-06F;
  p = p * s - 5.69250639462346e-05F;
  p = p * s - 7.34990630326855e-04F;
  p = p * s - 2.95459980854025e-03F;
  p = p * s - 1.60960333262415e-02F;
  float q = -1.45660718464996e-05F;
  q = q * s - 2.13374055278905e-04F;
  q = q * s - 1.68282697438203e-03F;
  q = q * s - 7.37332916720468e-03F;
  q = q * s - 1.42647390514189e-02F;
  return x * p / q;
}

/// Exact (error function) GELU.
inline float fast_gelu(float x) { return 0.5F * x * (1.0F + fast_erf(x * 0.70710678F)); }

}  // namespace reel
