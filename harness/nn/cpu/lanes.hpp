// Loops over float32 in the processor's widest registers, chosen where the program runs: a template for any number of lanes is compiled for
// each kind of processor. Elsewhere the compiler makes of four lanes what it can.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <numbers>

#if defined(__x86_64__)
#define CLB_AVX2 __attribute__((target("avx2,fma")))
#define CLB_AVX512 __attribute__((target("avx2,fma,avx512f,avx512dq")))
#endif
#define CLB_INLINE __attribute__((always_inline)) inline

namespace clb::nn {

// LANES float32, and as many int32, that are computed with at once.
template <int LANES>
struct Lanes {
  typedef float Floats __attribute__((vector_size(4 * LANES)));
  typedef int32_t Ints __attribute__((vector_size(4 * LANES)));

  CLB_INLINE static void load(const float* from, Floats& to) { std::memcpy(&to, from, sizeof to); }
  CLB_INLINE static void store(const Floats& values, float* to) { std::memcpy(to, &values, sizeof values); }
};

#if defined(__x86_64__)
template <class Work>
CLB_AVX512 void run_avx512(const Work& work) {
  work.template run<16>();
}
template <class Work>
CLB_AVX2 void run_avx2(const Work& work) {
  work.template run<8>();
}
#endif
template <class Work>
void run_plain(const Work& work) {
  work.template run<4>();
}

// work.run<LANES>(), which is CLB_INLINE, as is all of what it calls that computes in lanes.
template <class Work>
void run_in_lanes(const Work& work) {
#if defined(__x86_64__)
  static const auto chosen = __builtin_cpu_supports("avx512dq")                                ? run_avx512<Work>
                             : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? run_avx2<Work>
                                                                                               : run_plain<Work>;
  chosen(work);
#else
  run_plain(work);
#endif
}

// y becomes e^y, of y <= 0, relative error below 2e-7; below -87 as for -87. NaN stays NaN.
template <int LANES>
CLB_INLINE void exponential(typename Lanes<LANES>::Floats& y) {
  using Floats = typename Lanes<LANES>::Floats;
  using Ints = typename Lanes<LANES>::Ints;
  constexpr float kRound = 12582912;  // 1.5 * 2^23: what is added to it loses its fraction
  const Floats limit = Floats{} - 87.0F, bounded = y < limit ? limit : y;
  const Floats shifted = bounded * std::numbers::log2e_v<float> + kRound, whole = shifted - kRound;
  const Floats part = bounded - whole * 0.693359375F + whole * 2.12194440e-4F;  // ln 2 in two pieces
  Floats power = Floats{} + 1 / 720.F;                                          // Taylor, |part| <= ln(2) / 2
  for (const float c : {1 / 120.F, 1 / 24.F, 1 / 6.F, 0.5F, 1.F, 1.F}) power = power * part + c;
  Ints exponent;
  std::memcpy(&exponent, &shifted, sizeof exponent);
  exponent = (exponent << 23) + (127 << 23);
  Floats scale;
  std::memcpy(&scale, &exponent, sizeof scale);
  y = power * scale;
}

}  // namespace clb::nn
