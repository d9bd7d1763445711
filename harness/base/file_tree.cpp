#include <algorithm>
#include <clb/base/file_tree.hpp>
#include <clb/base/sha256.hpp>
#include <set>
#include <utility>

namespace clb::base {

namespace fs = std::filesystem;

namespace {

class Walk {
 public:
  explicit Walk(std::vector<FileTree::Entry>& entries) : entries_(entries) {}

  void add(const fs::path& path) {
    const auto stamp = stamp_of(path);
    if (!stamp) return;
    entries_.push_back({path.string(), *stamp});
    if (!stamp->is_folder() || !entered_.emplace(stamp->device, stamp->inode).second) return;
    std::vector<fs::path> inside;
    std::error_code error;
    for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) inside.push_back(entry->path());
    std::sort(inside.begin(), inside.end());
    for (const fs::path& entry : inside) add(entry);
  }

 private:
  std::vector<FileTree::Entry>& entries_;
  std::set<std::pair<uint64_t, uint64_t>> entered_;
};

}  // namespace

FileTree::FileTree(fs::path root) : root_(std::move(root)) { Walk(entries_).add(root_); }

std::string FileTree::digest() const {
  Sha256 hash;
  for (const auto& [path, stamp] : entries_) {
    const std::string text = stamp.text();
    hash.update_u64(path.size()).update(path).update_u64(text.size()).update(text);
  }
  return hex(hash.finish());
}

bool FileTree::settled(const Moment& moment) const {
  return std::ranges::all_of(entries_, [&](const Entry& entry) { return entry.stamp.settled(moment); });
}

}  // namespace clb::base
