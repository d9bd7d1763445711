// A saved state: the input as it is, and the input as the content of an envelope whose checksum is right, so that what lies behind the
// checksum is reached too.
#include <clb/base/envelope.hpp>
#include <clb/base/error.hpp>
#include <cstdlib>
#include <vector>

namespace {

void parse(const std::vector<uint8_t>& bytes) {
  try {
    const auto envelope = clb::base::parse_envelope(bytes, "state");
    if (envelope.payload.data() < bytes.data() || envelope.payload.data() + envelope.payload.size() > bytes.data() + bytes.size())
      std::abort();
  } catch (const clb::base::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  parse({data, data + size});
  const auto digest = clb::base::sha256({data, size});
  std::vector<uint8_t> sealed(data, data + size);
  sealed.insert(sealed.end(), digest.begin(), digest.end());
  parse(sealed);
  return 0;
}
