// The envelope of a saved state: whose it is (a JSON header), the plugin's own bytes, a checksum over both. Written in pieces, visible only
// when complete; read with every length checked before use.
//
//   "CLBSTAT1" | u64 size of the header, little-endian | header (JSON) | payload | SHA-256 of everything before it
#pragma once

#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <clb/base/sha256.hpp>
#include <cstdint>
#include <span>
#include <string>

namespace clb::base {

struct Envelope {
  Json header;
  std::span<const uint8_t> payload;  // inside the bytes that were parsed
};

// Error names `name` and what is wrong: another file, truncated, changed.
Envelope parse_envelope(std::span<const uint8_t> bytes, const std::string& name);

// Writes an envelope as an AtomicFile: visible only after finish().
class EnvelopeWriter {
 public:
  EnvelopeWriter(const fs::path& file, const Json& header);

  void write(std::string_view bytes);  // the next part of the payload
  void finish();

 private:
  AtomicFile file_;
  Sha256 hash_;
};

}  // namespace clb::base
