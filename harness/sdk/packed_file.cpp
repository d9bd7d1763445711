#include <fcntl.h>
#include <lzma.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clb/base/foreign_format.hpp>
#include <clb/base/there.hpp>
#include <clb/sdk/packed_file.hpp>
#include <cstring>
#include <string_view>

namespace clb {

namespace {

constexpr size_t kBuffer = 64 << 10;
constexpr uint64_t kXzMemory = 1 << 30;  // above the 64 MiB dictionary of `xz -9`; a file cannot ask for more
constexpr std::array<uint8_t, 3> kGzipMagic{0x1f, 0x8b, 8};
constexpr std::array<uint8_t, 6> kXzMagic{0xfd, '7', 'z', 'X', 'Z', 0};

// The bytes of the file as they are on disk.
class Input {
 public:
  Input(int fd, Path path) : fd_(fd), path_(std::move(path)), buffer_(kBuffer) {}
  ~Input() { close(fd_); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // The bytes that are waiting; refilled when none is, empty at the end of the file.
  std::span<const uint8_t> peek() {
    if (begin_ == end_ && !ended_) {
      begin_ = 0;
      end_ = 0;
      fill();
    }
    return {buffer_.data() + begin_, end_ - begin_};
  }
  void skip(size_t count) {
    begin_ += count;
    consumed_ += count;
  }
  uint64_t consumed() const { return consumed_; }

  [[noreturn]] void fail(const std::string& problem) const {
    throw PluginError(CLB_E_IO, path_.string() + ": " + problem + " at byte " + std::to_string(consumed_));
  }

 private:
  void fill() {
    while (end_ < buffer_.size()) {  // whole, so that a magic is never split
      const ssize_t n = ::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail(std::string("cannot be read (") + std::strerror(errno) + ")");
      if (n == 0) {
        ended_ = true;
        return;
      }
      end_ += static_cast<size_t>(n);
    }
  }

  int fd_;
  Path path_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0, end_ = 0;
  uint64_t consumed_ = 0;
  bool ended_ = false;
};

// The file that was found, as a descriptor; `path` becomes its name.
int open_packed(Path& path) {
  const Path plain = path;
  if (const std::string why = base::why_no_folder(plain.parent_path()); !why.empty())
    throw PluginError(CLB_E_IO, plain.string() + ": cannot be opened: " + why + ", but a folder is needed");
  for (const char* suffix : {"", ".gz", ".xz"}) {
    path = plain;
    path += suffix;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return fd;
    if (errno != ENOENT) throw PluginError(CLB_E_IO, path.string() + ": cannot be opened: " + std::strerror(errno));
  }
  throw PluginError(CLB_E_IO, plain.string() + ": is missing, and so are " + plain.filename().string() + ".gz and .xz");
}

template <size_t N>
bool starts_with(std::span<const uint8_t> bytes, const std::array<uint8_t, N>& magic) {
  return bytes.size() >= N && std::equal(magic.begin(), magic.end(), bytes.begin());
}

// Decodes into `to`, which is not empty; 0 only at the end, once the container's checks have passed.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual size_t read(std::span<uint8_t> to) = 0;
};

class PlainDecoder final : public Decoder {
 public:
  explicit PlainDecoder(Input& input) : input_(input) {}
  size_t read(std::span<uint8_t> to) override {
    const auto waiting = input_.peek();
    const size_t count = std::min(to.size(), waiting.size());
    std::copy_n(waiting.begin(), count, to.begin());
    input_.skip(count);
    return count;
  }

 private:
  Input& input_;
};

class GzipDecoder final : public Decoder {
 public:
  explicit GzipDecoder(Input& input) : input_(input) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw PluginError(CLB_E_NO_MEMORY, "out of memory");
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;

  size_t read(std::span<uint8_t> to) override {
    while (true) {
      const auto waiting = input_.peek();
      if (member_ended_) {  // another member may follow
        if (waiting.empty()) return 0;
        inflateReset(&stream_);
        member_ended_ = false;
      }
      if (waiting.empty()) input_.fail("the gzip data is truncated");
      stream_.next_in = const_cast<uint8_t*>(waiting.data());
      stream_.avail_in = static_cast<uInt>(waiting.size());
      stream_.next_out = to.data();
      stream_.avail_out = static_cast<uInt>(std::min<size_t>(to.size(), 1 << 30));
      const uInt room = stream_.avail_out;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      input_.skip(waiting.size() - stream_.avail_in);
      if (result == Z_MEM_ERROR) throw PluginError(CLB_E_NO_MEMORY, "out of memory");
      if (result != Z_OK && result != Z_STREAM_END) {
        input_.fail(std::string("the gzip data is damaged (") + (stream_.msg ? stream_.msg : "unexpected data") + ")");
      }
      member_ended_ = result == Z_STREAM_END;
      if (stream_.avail_out < room) return room - stream_.avail_out;
    }
  }

 private:
  Input& input_;
  z_stream stream_{};
  bool member_ended_ = false;
};

class XzDecoder final : public Decoder {
 public:
  explicit XzDecoder(Input& input) : input_(input) {
    if (lzma_stream_decoder(&stream_, kXzMemory, LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK) != LZMA_OK) {
      throw PluginError(CLB_E_NO_MEMORY, "out of memory");
    }
  }
  ~XzDecoder() override { lzma_end(&stream_); }
  XzDecoder(const XzDecoder&) = delete;

  size_t read(std::span<uint8_t> to) override {
    stream_.next_out = to.data();
    stream_.avail_out = to.size();
    while (!ended_ && stream_.avail_out == to.size()) {
      const auto waiting = input_.peek();
      stream_.next_in = waiting.data();
      stream_.avail_in = waiting.size();
      const lzma_ret result = lzma_code(&stream_, waiting.empty() ? LZMA_FINISH : LZMA_RUN);
      input_.skip(waiting.size() - stream_.avail_in);
      ended_ = result == LZMA_STREAM_END;
      if (result != LZMA_OK && !ended_) fail(result);
    }
    return to.size() - stream_.avail_out;
  }

 private:
  [[noreturn]] void fail(lzma_ret result) const {
    switch (result) {
      case LZMA_MEM_ERROR:
        throw PluginError(CLB_E_NO_MEMORY, "out of memory");
      case LZMA_BUF_ERROR:
        input_.fail("the xz data is truncated");
      case LZMA_MEMLIMIT_ERROR:
        input_.fail("the xz data needs more than 1 GiB of memory to decode");
      case LZMA_UNSUPPORTED_CHECK:
        input_.fail("the xz data has a check of an unknown kind");
      case LZMA_OPTIONS_ERROR:
        input_.fail("the xz data uses an unknown filter");
      default:
        input_.fail("the xz data is damaged (a check does not match)");
    }
  }

  Input& input_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};

bool plain(std::span<const uint8_t> head) { return !starts_with(head, kGzipMagic) && !starts_with(head, kXzMagic); }

std::unique_ptr<Decoder> make_decoder(Input& input, const Path& path) {
  const auto head = input.peek();
  if (starts_with(head, kGzipMagic)) return std::make_unique<GzipDecoder>(input);
  if (starts_with(head, kXzMagic)) return std::make_unique<XzDecoder>(input);
  if (const std::string said = base::stand_in(head); !said.empty()) throw PluginError(CLB_E_IO, path.string() + ": " + said);
  if (path.extension() == ".gz" || path.extension() == ".xz")
    input.fail("has not the magic bytes of a " + path.extension().string() + " file");
  return std::make_unique<PlainDecoder>(input);
}

}  // namespace

struct PackedFile::Source {
  Source(int fd, const Path& path)
      : input(fd, path), foreign(plain(input.peek()) ? base::foreign_format(input.peek()) : ""), decoder(make_decoder(input, path)) {}
  Input input;
  std::string foreign;  // what the file is when its reader finds something wrong; "": nothing known
  std::unique_ptr<Decoder> decoder;
};

PackedFile::PackedFile(const Path& file) : path_(file) {
  const int fd = open_packed(path_);
  source_ = std::make_unique<Source>(fd, path_);
}
PackedFile::~PackedFile() = default;
PackedFile::PackedFile(PackedFile&&) noexcept = default;
PackedFile& PackedFile::operator=(PackedFile&&) noexcept = default;

size_t PackedFile::read(std::span<uint8_t> to) {
  size_t got = 0;
  while (got < to.size()) {
    const size_t count = source_->decoder->read(to.subspan(got));
    if (count == 0) break;
    got += count;
  }
  offset_ += got;
  return got;
}

void PackedFile::read_exactly(std::span<uint8_t> to, const char* what) {
  const uint64_t begin = offset_;
  const size_t got = read(to);
  if (got < to.size()) {
    fail(std::string("ends inside ") + what + ", which needs " + std::to_string(to.size()) + " bytes from offset " + std::to_string(begin),
         offset_);
  }
}

void PackedFile::expect_end() {
  uint8_t extra;
  const uint64_t end = offset_;
  if (read({&extra, 1}) != 0) fail("goes on after its last expected byte", end);
}

void PackedFile::fail(const std::string& problem, uint64_t at) const {
  const std::string& foreign = source_->foreign;
  throw PluginError(CLB_E_IO, path_.string() + ": " + (foreign.empty() ? "" : foreign + "; ") + problem + " (offset " + std::to_string(at) +
                                  " of the decoded data)");
}

std::vector<uint8_t> read_packed(const Path& file, uint64_t limit) {
  PackedFile packed(file);
  std::vector<uint8_t> bytes;
  while (true) {
    const size_t old = bytes.size();
    bytes.resize(old + std::min<uint64_t>(kBuffer, limit - old));
    const size_t got = packed.read({bytes.data() + old, bytes.size() - old});
    if (old + got == bytes.size() && bytes.size() < limit) continue;
    bytes.resize(old + got);
    if (bytes.size() == limit) packed.expect_end();
    return bytes;
  }
}

}  // namespace clb
