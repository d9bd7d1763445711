#include "database.hpp"

#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/base/temporary.hpp>
#include <clb/store/merge.hpp>
#include <clb/sweep/folder.hpp>

#include "say.hpp"

namespace clb::cli {

store::Store open_for_writing(const std::filesystem::path& database) {
  store::Store store = store::Store::open(database, store::Store::Mode::kWrite);
  if (const std::string note = store.note(); !note.empty()) say(stderr, "clbench: note: {}\n", note);
  return store;
}

Readable::Readable(const std::filesystem::path& named) : file_(named) {
  if (!sweep::Folder::is_one(named)) return;
  const sweep::Folder folder(named);
  std::vector<std::filesystem::path> parts;
  for (const int64_t slot : folder.slots_with_parts()) parts.push_back(folder.part(slot));
  if (parts.empty()) throw base::Error(fmt::format("{}: no slot of this sweep has measured anything yet", named.string()));
  temporary_ = base::temporary_folder_beside(std::filesystem::temp_directory_path() / "clbench-sweep");
  file_ = temporary_ / "results.sqlite";
  try {
    store::merge(file_, parts);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(temporary_, ignored);
    throw;
  }
}

Readable::~Readable() {
  std::error_code ignored;
  if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
}

}  // namespace clb::cli
