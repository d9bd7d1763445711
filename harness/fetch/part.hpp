// The beginning of a file that is being fetched: FILE.part, and in FILE.part.json what it is the beginning of. Both stay when a download is
// broken off; the next one goes on with them.
#pragma once

#include <clb/base/descriptor.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace clb::fetch {

class Part {
 public:
  // What has come so far; what cannot be gone on with counts for nothing. For the one who holds the folder's lock.
  explicit Part(const std::filesystem::path& file);

  const std::filesystem::path& path() const { return path_; }
  uint64_t size() const { return size_; }
  const std::string& url() const { return url_; }                  // that it came from; "": it is empty
  const std::string& validator() const { return validator_; }      // of its content there
  const std::optional<uint64_t>& total() const { return total_; }  // how long the whole is
  bool whole() const { return total_ && size_ == *total_; }

  // Nothing has come yet.
  void start(const std::string& url, const std::string& validator, std::optional<uint64_t> total);
  void append(std::string_view bytes);  // WriteError: the disk is full
  void forget();                        // both files are removed

  // Gives it the final name; nobody's file of that name is overwritten. What may come beside it is forgotten.
  void finish(const std::filesystem::path& file);

 private:
  void open_file();
  std::filesystem::path state_path() const { return path_.string() + ".json"; }

  std::filesystem::path path_;
  base::Descriptor file_;
  uint64_t size_ = 0;
  std::string url_, validator_;
  std::optional<uint64_t> total_;
};

}  // namespace clb::fetch
