// A file of rows measured elsewhere: what is accepted holds numbers that a table can print.
#include <clb/base/error.hpp>
#include <clb/exchange/import.hpp>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    for (const auto& row : clb::exchange::read_import({reinterpret_cast<const char*>(data), size}, "fuzz")) {
      for (const auto& metric : row.metrics)
        if (!(metric.mean >= -1 && metric.mean <= 1) || metric.n < 1) std::abort();
    }
  } catch (const clb::base::Error&) {
  }
  return 0;
}
