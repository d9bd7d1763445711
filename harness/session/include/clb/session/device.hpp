// The device and precision of a run: what was asked for, what is there, and how LibTorch is set for it.
#pragma once

#include <torch/types.h>
#include <torch/utils.h>

#include <cstdint>
#include <string>
#include <vector>

namespace clb::session {

struct Processor {
  std::string model, flags;  // "AMD EPYC ..."; those of avx2, avx512f, avx512_bf16, amx_bf16 that it has; nn's kernels off
  int64_t cores = 0;         // usable by this process
};
Processor processor();

// "auto" | "cpu" | "cuda" | "cuda:N". Error in one sentence when CUDA is asked for and LibTorch is CPU-only or there is no card; auto then
// means cpu.
torch::Device pick_device(const std::string& wanted);
std::vector<std::string> cuda_devices();               // names; empty without CUDA
std::string device_name(const torch::Device& device);  // "cpu", "cuda:0 NVIDIA H100 ..."

// Thread count, TF32 switches and deterministic algorithms of this process, once at the start of a run.
void configure(const torch::Device& device, const std::string& precision, int64_t threads);

// float32, or bfloat16 where the precision says so (base/precision.hpp).
torch::ScalarType image_dtype(const std::string& precision);    // of images, and so of everything that is computed
torch::ScalarType weights_dtype(const std::string& precision);  // of frozen weights
void synchronize(const torch::Device& device);
int64_t peak_device_bytes(const torch::Device& device);  // 0 on the CPU

}  // namespace clb::session
