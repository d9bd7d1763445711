// Header fields of a server: a range that is accepted is one, and nothing that goes back to the server can begin a new line there.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "http.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  clb::fetch::Response response;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    response.add(text.substr(0, end));
    text.remove_prefix(end);
  }
  if (response.range &&
      (response.range->last < response.range->first || (response.range->total && *response.range->total <= response.range->last)))
    std::abort();
  for (const char c : response.validator())
    if (static_cast<unsigned char>(c) < 0x20) std::abort();
  return 0;
}
