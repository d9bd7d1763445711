#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <clb/loader/globals.hpp>
#include <clb/session/torch_globals.hpp>

namespace clb::session {
namespace {

using loader::Global;
using loader::Globals;

int64_t float32_precisions() {
  const auto& c = at::globalContext();
  auto all = static_cast<int64_t>(c.float32Precision(at::Float32Backend::GENERIC, at::Float32Op::ALL));
  for (const auto backend : {at::Float32Backend::CUDA, at::Float32Backend::MKLDNN})
    for (const auto op : {at::Float32Op::ALL, at::Float32Op::CONV, at::Float32Op::RNN, at::Float32Op::MATMUL})
      all = all * 4 + static_cast<int64_t>(c.float32Precision(backend, op));
  return all;
}

// LibTorch throws when a plugin has mixed its older and newer switches.
int64_t tf32() try {
  const auto& c = at::globalContext();
  return c.allowTF32CuBLAS() | c.allowTF32CuDNN() << 1 | static_cast<int64_t>(c.float32MatmulPrecision()) << 2;
} catch (const c10::Error&) {
  return -1;
}

int64_t determinism() {
  const auto& c = at::globalContext();
  return c.deterministicAlgorithms() | c.deterministicAlgorithmsWarnOnly() << 1 | c.deterministicCuDNN() << 2 |
         c.deterministicMkldnn() << 3 | c.benchmarkCuDNN() << 4 | c.deterministicFillUninitializedMemory() << 5;
}

int64_t backends() {
  const auto& c = at::globalContext();
  return c.userEnabledCuDNN() | c.userEnabledMkldnn() << 1 | c.userEnabledNNPACK() << 2 | c.userEnabledFlashSDP() << 3 |
         c.userEnabledMemEfficientSDP() << 4 | c.userEnabledMathSDP() << 5 | c.userEnabledCuDNNSDP() << 6 |
         c.allowFP16BF16ReductionMathSDP() << 7 | c.allowFP16ReductionCPU() << 8 | c.allowFP16AccumulationCuBLAS() << 9;
}

int64_t autocast() { return at::autocast::is_autocast_enabled(at::kCPU) | at::autocast::is_autocast_enabled(at::kCUDA) << 1; }

std::string from_to(int64_t before, int64_t now) { return " from " + std::to_string(before) + " to " + std::to_string(now); }
std::string to_dtype(int64_t, int64_t) { return " to " + std::string(torch::get_default_dtype().name()); }

const Global kOfLibTorch[] = {
    {"LibTorch's default dtype", Globals::kProcess, [] { return static_cast<int64_t>(torch::get_default_dtype().toScalarType()); },
     to_dtype},
    {"LibTorch's thread count", Globals::kProcess, [] { return int64_t{torch::get_num_threads()}; }, from_to},
    {"LibTorch's float32 precision", Globals::kProcess, float32_precisions},
    {"LibTorch's use of TF32", Globals::kProcess, tf32},
    {"LibTorch's choice of deterministic algorithms", Globals::kProcess, determinism},
    {"LibTorch's choice of backends", Globals::kProcess, backends},
    {"LibTorch's gradient mode", Globals::kThread, [] { return int64_t{torch::GradMode::is_enabled()}; }},
    {"LibTorch's inference mode", Globals::kThread, [] { return int64_t{c10::InferenceMode::is_enabled()}; }},
    {"LibTorch's autocast", Globals::kThread, autocast},
    {"the seed of LibTorch's generator", Globals::kSession,
     [] { return static_cast<int64_t>(at::detail::getDefaultCPUGenerator().current_seed()); }},
};

}  // namespace

void watch_libtorch() { Globals::watch(kOfLibTorch); }

}  // namespace clb::session
