#include <clb/base/envelope.hpp>
#include <clb/base/error.hpp>
#include <cstring>

namespace clb::base {
namespace {

constexpr std::string_view kStateMagic = "CLBSTAT1";
constexpr size_t kFront = 16, kDigest = 32;  // magic and size of the header; checksum

}  // namespace

Envelope parse_envelope(std::span<const uint8_t> bytes, const std::string& name) {
  const auto damaged = [&](const std::string& what) { return Error(name + " is damaged: " + what); };
  if (bytes.size() < kFront + kDigest) throw damaged("it has " + std::to_string(bytes.size()) + " bytes, too few for a saved state");
  if (std::memcmp(bytes.data(), kStateMagic.data(), kStateMagic.size()) != 0) throw Error(name + " is no saved state of clbench");
  uint64_t header = 0;
  std::memcpy(&header, bytes.data() + kStateMagic.size(), sizeof header);
  const auto content = bytes.first(bytes.size() - kDigest);
  if (header > content.size() - kFront) throw damaged("its header reaches beyond its end");
  const Digest digest = sha256(content);
  if (std::memcmp(digest.data(), bytes.data() + content.size(), kDigest) != 0) throw damaged("its checksum differs");
  const auto* text = reinterpret_cast<const char*>(bytes.data() + kFront);
  return {parse_json({text, header}, name), content.subspan(kFront + header)};
}

EnvelopeWriter::EnvelopeWriter(const fs::path& file, const Json& header) : file_(file) {
  const std::string text = canonical(header);
  const uint64_t size = text.size();
  write(kStateMagic);
  write({reinterpret_cast<const char*>(&size), sizeof size});
  write(text);
}

void EnvelopeWriter::write(std::string_view bytes) {
  hash_.update(bytes);
  file_.write(bytes);
}

void EnvelopeWriter::finish() {
  const Digest digest = hash_.finish();
  file_.write({reinterpret_cast<const char*>(digest.data()), digest.size()});
  file_.finish();
}

}  // namespace clb::base
