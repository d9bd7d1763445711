#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/sweep/forgiven.hpp>

#include "own_file.hpp"

namespace clb::sweep {

namespace {

constexpr const char* kRemedy = "remove it, and failed runs count as failed again";

fs::path file_of(const Folder& folder) { return folder.path() / "forgiven.json"; }

}  // namespace

std::set<std::string> forgiven(const Folder& folder) {
  const fs::path file = file_of(folder);
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  const base::Json json = read_own(file, kRemedy);
  try {
    return json.get<std::set<std::string>>();
  } catch (const base::Json::exception&) {
    throw base::Error(file.string() + ": is damaged; " + kRemedy);
  }
}

void forgive(const Folder& folder, const std::set<std::string>& attempts) {
  std::set<std::string> all = forgiven(folder);
  all.insert(attempts.begin(), attempts.end());
  base::write_file_atomic(file_of(folder), base::pretty(base::Json(all)) + "\n");
}

}  // namespace clb::sweep
