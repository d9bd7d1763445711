// The switch of everything under nn/cpu that stands for LibTorch's own operations on the processor: attention and products in bfloat16,
// chunks of images side by side. Off, a new LibTorch can be debugged without them.
#pragma once

namespace clb::nn {

// False where the environment says CLB_CPU_KERNELS=off (read once, at the first call). Logits in bfloat16 then differ in their last
// digits, so the runner counts it among the processor's flags: it stands in the record of every run and in the key of cached features.
bool cpu_kernels();

}  // namespace clb::nn
