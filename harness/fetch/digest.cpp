#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clb/base/descriptor.hpp>
#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <clb/fetch/digest.hpp>
#include <cstring>
#include <memory>
#include <vector>

namespace clb::fetch {
namespace {

class Hash {
 public:
  explicit Hash(const std::string& kind) : kind_(kind), context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    const EVP_MD* type = kind == "sha256" ? EVP_sha256() : kind == "sha1" ? EVP_sha1() : kind == "md5" ? EVP_md5() : nullptr;
    if (!type || !context_ || EVP_DigestInit_ex(context_.get(), type, nullptr) != 1)
      throw base::Error(fmt::format("digests of the kind {} cannot be computed here", kind));
  }
  void update(const std::vector<uint8_t>& bytes, size_t count) { EVP_DigestUpdate(context_.get(), bytes.data(), count); }
  Digest finish() {
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned count = 0;
    EVP_DigestFinal_ex(context_.get(), bytes, &count);
    return {kind_, base::hex({bytes, count})};
  }

 private:
  std::string kind_;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string Digest::text() const { return fmt::format("{} {}", kind == "sha256" ? "SHA-256" : kind == "sha1" ? "SHA-1" : "MD5", digits); }

FileDigests digests_of(const std::filesystem::path& file, const std::string& kind, const Progress& progress) {
  const base::Descriptor in(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  const auto cannot = [&] { throw base::Error(fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno))); };
  struct stat status {};
  if (in.get() < 0 || fstat(in.get(), &status) != 0) cannot();
  Hash sha256("sha256");
  std::unique_ptr<Hash> other;
  if (!kind.empty() && kind != "sha256") other = std::make_unique<Hash>(kind);
  std::vector<uint8_t> buffer(1 << 20);
  FileDigests digests;
  for (;;) {
    const ssize_t got = read(in.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) cannot();
    if (got == 0) break;
    const auto count = static_cast<size_t>(got);
    sha256.update(buffer, count);
    if (other) other->update(buffer, count);
    digests.size += count;
    if (progress) progress("checked", digests.size, static_cast<uint64_t>(status.st_size));
  }
  digests.sha256 = sha256.finish();
  digests.other = other ? other->finish() : digests.sha256;
  return digests;
}

}  // namespace clb::fetch
