// Opening the database of results for writing.
#pragma once

#include <clb/store/store.hpp>
#include <filesystem>

namespace clb::cli {

// Says on stderr what the place of the file changes, if it does (Store::note).
store::Store open_for_writing(const std::filesystem::path& database);

}  // namespace clb::cli
