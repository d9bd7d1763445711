// Opening databases of results.
#pragma once

#include <clb/store/store.hpp>
#include <filesystem>

namespace clb::cli {

// Says on stderr what the place of the file changes, if it does (Store::note).
store::Store open_for_writing(const std::filesystem::path& database);

// What --db names, for reading: a database, or the folder of a sweep, whose parts are merged into a temporary file (TMPDIR) that goes with
// this. Nothing is written beside what is named.
class Readable {
 public:
  explicit Readable(const std::filesystem::path& named);
  ~Readable();
  Readable(const Readable&) = delete;

  const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path temporary_, file_;
};

}  // namespace clb::cli
