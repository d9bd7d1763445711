// The header of a method in Python.
#include <clb/base/error.hpp>
#include <clb/python/header.hpp>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) try {
  clb::python::parse_header({reinterpret_cast<const char*>(data), size}, "x.py");
  return 0;
} catch (const clb::base::Error&) {
  return 0;
}
