#include <openssl/evp.h>

#include <clb/base/cache.hpp>
#include <clb/base/content_sample.hpp>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <clb/base/sha256.hpp>
#include <clb/base/stamp.hpp>
#include <fstream>
#include <vector>

namespace clb::base {

struct Sha256::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~Impl() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);  // EVP_sha256() would be looked up each time
  if (!impl_->context || EVP_DigestInit_ex(impl_->context, kSha256, nullptr) != 1) {
    throw Error("libcrypto offers no SHA-256", Exit::kInternal);
  }
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

Sha256& Sha256::update(std::span<const uint8_t> bytes) {
  if (EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size()) != 1) throw Error("libcrypto failed in SHA-256", Exit::kInternal);
  return *this;
}

Sha256& Sha256::update(std::string_view text) { return update({reinterpret_cast<const uint8_t*>(text.data()), text.size()}); }

Sha256& Sha256::update_u64(uint64_t value) {
  std::array<uint8_t, 8> bytes;
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * i));
  return update(bytes);
}

Digest Sha256::finish() {
  Digest digest;
  if (EVP_DigestFinal_ex(impl_->context, digest.data(), nullptr) != 1) throw Error("libcrypto failed in SHA-256", Exit::kInternal);
  return digest;
}

Digest sha256(std::string_view text) { return Sha256().update(text).finish(); }
Digest sha256(std::span<const uint8_t> bytes) { return Sha256().update(bytes).finish(); }

Digest sha256_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(file.string() + ": cannot be opened for reading");
  Sha256 hash;
  std::vector<char> block(1 << 20);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    hash.update(std::string_view(block.data(), static_cast<size_t>(in.gcount())));
  }
  if (in.bad() || !in.eof()) throw Error(file.string() + ": cannot be read to its end");
  return hash.finish();
}

std::string hex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

namespace {

std::string check_of(const Stamp& stamp, const std::string& digest) { return hex(sha256(stamp.text() + " " + digest)); }

// The remembered digest, empty when there is none for this stamp and these bytes or the note is damaged.
std::string remembered(const std::filesystem::path& note, const Stamp& stamp, const std::filesystem::path& file) {
  try {
    const Json json = parse_json(read_file(note, 65536), note.string());
    if (json.value("stamp", "") != stamp.text() || json.value("sample", "") != sampled_digest(file)) return "";
    const std::string digest = json.value("sha256", "");
    if (json.value("check", "") != check_of(stamp, digest)) return "";  // damaged: a wrong name for a file would never be found out
    return digest.size() == 64 && digest.find_first_not_of("0123456789abcdef") == std::string::npos ? digest : "";
  } catch (const std::exception&) {
    return "";
  }
}

}  // namespace

std::string sha256_file_cached(const std::filesystem::path& file, const std::filesystem::path& cache_dir) {
  const auto before = stamp_of(file);
  if (!before) throw Error(file.string() + ": cannot be opened for reading");
  const auto note = cache_dir / "sha256" / (hex(sha256(std::filesystem::absolute(file).lexically_normal().string())) + ".json");
  if (std::string digest = remembered(note, *before, file); !digest.empty()) return digest;
  const Moment moment = now();
  std::string digest = hex(sha256_file(file));
  if (before->settled(moment) && stamp_of(file) == before) {
    try {
      prepare_cache(cache_dir);
      std::filesystem::create_directories(note.parent_path());
      const Json json{{"file", file.string()},
                      {"stamp", before->text()},
                      {"sample", sampled_digest(file)},
                      {"sha256", digest},
                      {"check", check_of(*before, digest)}};
      write_file_atomic(note, canonical(json));
    } catch (const std::exception&) {
      // A cache that cannot be written costs time, not correctness.
    }
  }
  return digest;
}

}  // namespace clb::base
