// A folder that files are fetched into, each once: a data set's, or that of weights. `clbench data` is its user.
#pragma once

#include <clb/base/file.hpp>
#include <clb/fetch/download.hpp>
#include <clb/fetch/record.hpp>
#include <clb/fetch/unpack.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace clb::fetch {

struct Item {
  std::string to;                     // below the folder
  Source source;                      // without addresses: a person fetches it
  std::optional<std::string> unpack;  // a folder below this one to unpack into, "": this one; nothing: the file is what is wanted
};

enum class State {
  kAbsent,
  kPart,      // the beginning of it came
  kFetched,   // it is there, and has to be unpacked
  kComplete,  // nothing is left to do
};
const char* word(State state);  // "absent", "part", "not unpacked", "there"

// Looks at names and sizes alone, writes nothing.
State state_of(const std::filesystem::path& folder, const Item& item);

// "" when the file has the digest that is stated or was recorded, or has been removed after it was unpacked, and what it was unpacked into
// is all there with its sizes; else a sentence that says what is missing or another. Reads the file whole.
std::string difference(const std::filesystem::path& folder, const Item& item, const Progress& progress = {});

// Something lies in the folder (or in its place) that none of the items is or brought: somebody's own files. Names with a dot before them
// do not count.
bool holds_others(const std::filesystem::path& folder, const std::vector<Item>& items);

// Makes the folder where there is none, and holds its lock: one process at a time fetches into it, others wait.
class Folder {
 public:
  Folder(std::filesystem::path folder, const Options& options);

  // Fetches and unpacks what is left to do; an archive that cannot be unpacked is not taken from an address. False: the file is absent and
  // a person has to fetch it. Error, WriteError: as download and unpack; or something is in the way that clbench did not make, which stays
  // as it is.
  bool get(const Item& item);

 private:
  std::filesystem::path own() const { return folder_ / kOwnFolder; }
  void fetch(const Item& item);
  void adopt(const Item& item);
  void unpack_or_forget(const Item& item);
  void unpack_item(const Item& item);
  Contents look_whether_good(const std::filesystem::path& archive) const;
  void refuse_foreign(const Item& item, const std::vector<std::string>& names) const;

  std::filesystem::path folder_;
  Options options_;
  base::FileLock lock_;
  Record record_;
  std::optional<Contents> contents_;  // of the archive that was just fetched
};

}  // namespace clb::fetch
