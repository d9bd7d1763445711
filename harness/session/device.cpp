#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>
#include <sched.h>
#include <torch/cuda.h>

#include <clb/base/error.hpp>
#include <clb/base/precision.hpp>
#include <clb/nn/cpu_kernels.hpp>
#include <clb/session/device.hpp>
#include <fstream>
#include <sstream>

namespace clb::session {
namespace {

using base::Error;

// LibTorch asks its CUDA hooks once and keeps the answer, so the CUDA library has to be there before the first question (design: ABI, rule
// 8).
// Returns nothing when it is, or why it cannot be loaded.
const std::string& cuda_problem() {
  static const std::string problem = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr ? std::string() : std::string(dlerror());
  return problem;
}

int64_t cuda_count() {
  return cuda_problem().empty() && torch::cuda::is_available() ? static_cast<int64_t>(torch::cuda::device_count()) : 0;
}

std::string cpuinfo(const std::string& field) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(field))
      if (const auto colon = line.find(':'); colon != std::string::npos && colon + 2 <= line.size()) return line.substr(colon + 2);
  return "";
}

// The CUDA driver's name of a card; LibTorch's own query needs CUDA headers.
std::string card_name(int64_t index) {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW);
  if (driver == nullptr) return "unknown card";
  const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  const auto get = reinterpret_cast<int (*)(int*, int)>(dlsym(driver, "cuDeviceGet"));
  const auto name_of = reinterpret_cast<int (*)(char*, int, int)>(dlsym(driver, "cuDeviceGetName"));
  char name[256] = "";
  int device = 0;
  const bool ok =
      init && get && name_of && init(0) == 0 && get(&device, static_cast<int>(index)) == 0 && name_of(name, sizeof name, device) == 0;
  return ok ? name : "unknown card";
}

}  // namespace

std::vector<std::string> cuda_devices() {
  std::vector<std::string> names;
  for (int64_t k = 0; k < cuda_count(); ++k) names.push_back(card_name(k));
  return names;
}

std::string device_name(const torch::Device& device) {
  return device.is_cuda() ? "cuda:" + std::to_string(device.index()) + " " + card_name(device.index()) : "cpu";
}

Processor processor() {
  Processor p{.model = cpuinfo("model name")};
  std::istringstream flags(cpuinfo("flags"));
  for (std::string flag; flags >> flag;)
    for (const char* wanted : {"avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16"})
      if (flag == wanted) p.flags += (p.flags.empty() ? "" : " ") + flag;
  if (!nn::cpu_kernels()) p.flags += (p.flags.empty() ? "" : " ") + std::string("clb_cpu_kernels=off");  // other last digits
  cpu_set_t set;
  p.cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return p;
}

torch::Device pick_device(const std::string& wanted) {
  if (wanted == "cpu") return torch::kCPU;
  const int64_t count = cuda_count();
  if (wanted == "auto") return count > 0 ? torch::Device(torch::kCUDA, 0) : torch::Device(torch::kCPU);
  if (!cuda_problem().empty())
    throw Error("device \"" + wanted + "\" was asked for, but this LibTorch has no usable CUDA library (" + cuda_problem() +
                "); run tools/setup/setup.sh --cuda, or set device = \"cpu\"");
  if (count == 0) throw Error("device \"" + wanted + "\" was asked for, but no CUDA card is usable here; set device = \"cpu\" or \"auto\"");
  int64_t index = 0;
  if (wanted.starts_with("cuda:")) index = std::stoll(wanted.substr(5));
  if (index >= count)
    throw Error("device \"" + wanted + "\" was asked for, but this machine has " + std::to_string(count) + " CUDA card(s), counted from 0");
  return torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(index));
}

void configure(const torch::Device& device, const std::string& precision, int64_t threads) {
  at::set_num_threads(static_cast<int>(threads));
  at::set_num_interop_threads(1);
  const bool tf32 = precision == "tf32";
  at::globalContext().setAllowTF32CuBLAS(tf32);
  at::globalContext().setAllowTF32CuDNN(tf32);
  if (device.is_cuda()) at::globalContext().setDeterministicCuDNN(true);
}

torch::ScalarType image_dtype(const std::string& precision) { return precision == base::kBf16 ? torch::kBFloat16 : torch::kFloat32; }
torch::ScalarType weights_dtype(const std::string& precision) { return base::keeps_bf16(precision) ? torch::kBFloat16 : torch::kFloat32; }

void synchronize(const torch::Device& device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

int64_t peak_device_bytes(const torch::Device& device) {
  if (!device.is_cuda()) return 0;
  return at::getDeviceAllocator(torch::kCUDA)->getDeviceStats(device.index()).allocated_bytes[0].peak;
}

}  // namespace clb::session
