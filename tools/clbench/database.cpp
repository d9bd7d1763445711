#include "database.hpp"

#include "say.hpp"

namespace clb::cli {

store::Store open_for_writing(const std::filesystem::path& database) {
  store::Store store = store::Store::open(database, store::Store::Mode::kWrite);
  if (const std::string note = store.note(); !note.empty()) say(stderr, "clbench: note: {}\n", note);
  return store;
}

}  // namespace clb::cli
