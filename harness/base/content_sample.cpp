#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <clb/base/content_sample.hpp>
#include <clb/base/folder.hpp>
#include <clb/base/sha256.hpp>
#include <clb/base/stamp.hpp>
#include <set>

namespace clb::base {

namespace fs = std::filesystem;

namespace {

constexpr size_t kBlock = 16 << 10, kBlocks = 64, kFiles = 16;  // together at most 1 MiB
constexpr std::string_view kSampleMagic("clbench sample 1\0", 17);
const std::string kUnreadable(64, '0');  // as long as a digest

struct OpenFile {
  explicit OpenFile(const fs::path& file) : fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd >= 0) close(fd);
  }
  OpenFile(const OpenFile&) = delete;
  const int fd;
};

bool hash_block(Sha256& hash, int fd, uint64_t offset, size_t size) {
  std::vector<uint8_t> block(size);
  size_t got = 0;
  while (got < size) {
    const ssize_t n = pread(fd, block.data() + got, size - got, static_cast<off_t>(offset + got));
    if (n <= 0) return false;
    got += static_cast<size_t>(n);
  }
  hash.update(block);
  return true;
}

std::string digest_of(const fs::path& file, size_t blocks) {
  const OpenFile opened(file);
  if (opened.fd < 0) return kUnreadable;
  const Stamp stamp = stamp_of(opened.fd);
  if (!stamp.is_file()) return kUnreadable;
  Sha256 hash;
  hash.update_u64(stamp.size);
  if (stamp.size <= blocks * kBlock) return hash_block(hash, opened.fd, 0, stamp.size) ? hex(hash.finish()) : kUnreadable;
  const uint64_t last = stamp.size - kBlock;
  for (size_t k = 0; k < blocks; ++k)
    if (!hash_block(hash, opened.fd, k + 1 == blocks ? last : last / (blocks - 1) * k, kBlock)) return kUnreadable;
  return hex(hash.finish());
}

// Names of all files, relative to where the walk begins. Through links; a folder is entered once, so that a loop of links ends.
class NameWalk {
 public:
  explicit NameWalk(std::vector<std::string>& files) : files_(files) {}

  void enter(const fs::path& folder, const std::string& below) {
    const auto stamp = stamp_of(folder);
    if (!stamp || !entered_.emplace(stamp->device, stamp->inode).second) return;
    std::error_code unlisted;  // whoever reads the data set says so
    for (const Listed& entry : list_folder(folder.string(), unlisted)) {
      if (entry.kind == Listed::Kind::kFile) files_.push_back(below + entry.name);
      if (entry.kind == Listed::Kind::kFolder) enter(folder / entry.name, below + entry.name + "/");
    }
  }

 private:
  std::vector<std::string>& files_;
  std::set<std::pair<uint64_t, uint64_t>> entered_;
};

// In an order that the file system does not decide; a root that is a file is one without a name.
std::vector<std::string> files_below(const fs::path& root) {
  const auto stamp = stamp_of(root);
  if (stamp && stamp->is_file()) return {""};
  std::vector<std::string> files;
  NameWalk(files).enter(root, "");
  return files;
}

std::vector<std::string> files_of(const FileTree& tree) {
  const size_t begin = (tree.root() / "").native().size();
  std::vector<std::string> files;
  for (const FileTree::Entry& entry : tree.entries())
    if (entry.stamp.is_file()) files.push_back(entry.path.size() > begin ? entry.path.substr(begin) : "");
  return files;
}

}  // namespace

std::string sampled_digest(const fs::path& file) { return digest_of(file, kBlocks); }

ContentSample::ContentSample(const fs::path& root, const std::vector<std::string>& all) : valid_(true) {
  const size_t count = std::min(all.size(), kFiles);
  for (size_t k = 0; k < count; ++k) {
    const std::string& path = all[count == 1 ? 0 : k * (all.size() - 1) / (count - 1)];
    files_.emplace_back(path, digest_of(path.empty() ? root : root / path, kBlocks / count));
  }
}

ContentSample ContentSample::of(const fs::path& root) { return ContentSample(root, files_below(root)); }
ContentSample::ContentSample(const FileTree& tree) : ContentSample(tree.root(), files_of(tree)) {}

ContentSample::ContentSample(std::string_view text) : valid_(text.starts_with(kSampleMagic)) {
  if (!valid_) return;
  text.remove_prefix(kSampleMagic.size());
  while (valid_ && !text.empty()) {  // a digest and a name, which may hold anything but a zero byte
    const size_t end = text.find('\0'), digest = kUnreadable.size();
    valid_ = end != std::string_view::npos && end >= digest;
    if (!valid_) return;
    files_.emplace_back(text.substr(digest, end - digest), text.substr(0, digest));
    text.remove_prefix(end + 1);
  }
}

std::string ContentSample::text() const {
  std::string text(kSampleMagic);
  for (const auto& [path, digest] : files_) text.append(digest).append(path).push_back('\0');
  return text;
}

bool ContentSample::holds(const fs::path& root) const {
  return valid_ && std::ranges::all_of(files_, [&](const auto& file) {
           return digest_of(file.first.empty() ? root : root / file.first, kBlocks / files_.size()) == file.second;
         });
}

}  // namespace clb::base
