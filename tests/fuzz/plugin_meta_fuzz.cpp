// ELF section .clb.meta of a plugin file.
#include <clb/base/error.hpp>
#include <clb/base/plugin_meta.hpp>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) try {
  const auto meta = clb::base::parse_plugin_meta({data, size}, "x.so");
  clb::base::mismatch(meta, "method", "2.11.0");
  clb::base::capability_names(meta.capabilities);
  return 0;
} catch (const clb::base::Error&) {
  return 0;
}
