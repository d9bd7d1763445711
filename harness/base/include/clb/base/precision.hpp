// In which numbers a run computes: "fp32", "tf32", and two forms of bfloat16. "bf16": images, frozen weights and products are bfloat16.
// "bf16_weights": frozen weights lie in bfloat16, and everything is computed in float32, for processors whose bfloat16 products are no
// faster: half the memory at the speed of float32. An experiment says "bf16", and the plan takes the form that the processor is fast in.
#pragma once

#include <string>
#include <string_view>

namespace clb::base {

inline constexpr const char* kBf16 = "bf16";
inline constexpr const char* kBf16Weights = "bf16_weights";

inline bool keeps_bf16(std::string_view precision) { return precision == kBf16 || precision == kBf16Weights; }

// The form that suits a processor with this vendor and these flags of /proc/cpuinfo: "bf16" with AMX, and with AVX-512 BF16 by AMD (Zen 4
// and later: twice the rate of float32). Intel's AVX-512 BF16 without AMX multiplies at half the rate of float32 (docs/performance.md),
// and where there is neither, bfloat16 is converted in every product.
std::string bf16_form(const std::string& vendor, const std::string& flags);

}  // namespace clb::base
