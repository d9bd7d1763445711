#include <clb/nn/cpu_kernels.hpp>

#include <cstdlib>
#include <string_view>

namespace clb::nn {

bool cpu_kernels() {
  static const bool on = [] {
    const char* value = std::getenv("CLB_CPU_KERNELS");
    return value == nullptr || std::string_view(value) != "off";
  }();
  return on;
}

}  // namespace clb::nn
