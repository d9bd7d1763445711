// A line of a runner: what is accepted can be written and read again, and is then the same.
#include <clb/base/error.hpp>
#include <clb/base/event.hpp>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string line;
  try {
    line = clb::base::encode(clb::base::decode({reinterpret_cast<const char*>(data), size}));
  } catch (const clb::base::Error&) {
    return 0;
  }
  if (clb::base::encode(clb::base::decode(line)) != line) std::abort();
  return 0;
}
