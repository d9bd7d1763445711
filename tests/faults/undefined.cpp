// A method that was linked without a library that it needs: the dynamic linker refuses it.
#include <clb/method.h>
#include <torch/version.h>

#include <clb/sdk/meta.hpp>

namespace forgotten {
int library(const char* name);
}

CLB_PLUGIN_META(CLB_KIND_METHOD, "undefined", "1.0.0", 0, TORCH_VERSION, "none: a test")
extern "C" CLB_EXPORT const clb_method* clb_method_v0() { return forgotten::library("any") == 0 ? nullptr : nullptr; }
