#include <clb/fetch/folder.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <clb/base/descriptor.hpp>
#include <clb/base/error.hpp>
#include <clb/base/temporary.hpp>
#include <clb/base/there.hpp>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "manifest.hpp"
#include "place.hpp"

namespace clb::fetch {

namespace fs = std::filesystem;
using base::Error;
using base::is_taken;

namespace {

constexpr const char* kUnpacked = "unpacked";  // of temporary folders

bool all_there(const fs::path& folder, const Fetched& fetched) {
  return fetched.complete &&
         std::all_of(fetched.unpacked.begin(), fetched.unpacked.end(), [&](const std::string& name) { return is_taken(folder / name); });
}

base::FileLock wait_for(const fs::path& file, const fs::path& folder, const Options& options) {
  make_folder(file.parent_path());
  for (bool said = false;; said = true) {
    if (auto lock = base::FileLock::try_lock(file)) return std::move(*lock);
    if (!said && options.note) options.note(fmt::format("{}: {} fetches into it; waiting", folder.string(), base::FileLock::holder(file)));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

// A folder that goes again with what is left in it.
class Scratch {
 public:
  explicit Scratch(const fs::path& beside) : path_(base::temporary_folder_beside(beside)) {}
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void flush(const fs::path& folder) {
  const base::Descriptor opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0 || syncfs(opened.get()) != 0) throw base::WriteError(cannot_write(folder, errno));
}

// What is stated of the file, and where nothing is, what it was when it came.
Source expected(const Item& item, const Record& record) {
  Source source = item.source;
  const Fetched* before = record.find(item.to);
  if (!source.digest.empty() || !before || before->sha256.empty()) return source;
  source.digest = {"sha256", before->sha256};
  source.digest_from =
      fmt::format("what was fetched before (noted in {}; remove that file if the new one is meant)", record.file().string());
  return source;
}

}  // namespace

const char* word(State state) {
  switch (state) {
    case State::kAbsent:
      return "absent";
    case State::kPart:
      return "part";
    case State::kFetched:
      return "not unpacked";
    case State::kComplete:
      return "there";
  }
  return "";
}

State state_of(const fs::path& folder, const Item& item) {
  const Record record(folder);
  const Fetched* fetched = record.find(item.to);
  if (item.unpack && fetched && all_there(folder, *fetched)) return State::kComplete;
  if (is_taken(folder / item.to)) return item.unpack ? State::kFetched : State::kComplete;
  return is_taken(folder / (item.to + ".part")) ? State::kPart : State::kAbsent;
}

namespace {

// Of a file that is there.
std::string other_content(const fs::path& file, const Source& source, const Progress& progress) {
  const FileDigests found = digests_of(file, source.digest.kind, progress);
  if (source.size && found.size != source.size)
    return fmt::format("{}: has {} bytes, not {} as is stated of it", file.string(), found.size, source.size);
  if (!source.digest.empty() && found.other.digits != source.digest.digits)
    return fmt::format("{}: has {}, but {} is {}", file.string(), found.other.text(), source.digest_from, source.digest.text());
  return "";
}

}  // namespace

std::string difference(const fs::path& folder, const Item& item, const Progress& progress) {
  const fs::path file = folder / item.to;
  const Record record(folder);
  const Fetched* fetched = record.find(item.to);
  const bool unpacked = item.unpack && fetched && fetched->complete;
  if (is_taken(file)) {
    if (const std::string other = other_content(file, expected(item, record), progress); !other.empty()) return other;
    if (item.unpack && !unpacked) return fmt::format("{}: is not unpacked", file.string());
  } else if (!unpacked) {
    return fmt::format("{}: is {}", file.string(), is_taken(file.string() + ".part") ? "there in part" : "not there");
  }
  if (!unpacked) return "";
  if (const std::string missing = lacking(folder, item.to); !missing.empty()) return fmt::format("{}: {}", folder.string(), missing);
  return all_there(folder, *fetched) ? "" : fmt::format("{}: what it was unpacked into is not there", file.string());
}

bool holds_others(const fs::path& folder, const std::vector<Item>& items) {
  if (!base::is_folder(folder)) return is_taken(folder);
  const Record record(folder);
  std::set<std::string> own;
  const auto add = [&](const std::string& path) { own.insert(path.substr(0, path.find('/'))); };
  for (const Item& item : items) {
    for (const char* suffix : {"", ".part", ".part.json"}) add(item.to + suffix);
    if (const Fetched* fetched = record.find(item.to))
      for (const std::string& name : fetched->unpacked) add(name);
  }
  return std::any_of(fs::directory_iterator(folder), fs::directory_iterator(), [&](const fs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    return !name.starts_with('.') && !own.contains(name);
  });
}

Folder::Folder(fs::path folder, const Options& options)
    : folder_(std::move(folder)), options_(options), lock_(wait_for(own() / "lock", folder_, options_)), record_(folder_) {
  base::remove_stale_temporaries(own(), kUnpacked);
}

bool Folder::get(const Item& item) {
  if (item.unpack && record_.find(item.to) && all_there(folder_, *record_.find(item.to))) return true;
  if (is_taken(folder_ / item.to)) {
    adopt(item);
  } else if (item.source.urls.empty()) {
    return false;
  } else {
    fetch(item);
  }
  if (item.unpack) unpack_or_forget(item);
  return true;
}

// What never could be unpacked is no measure of what comes in its place.
void Folder::unpack_or_forget(const Item& item) try { unpack_item(item); } catch (const base::WriteError&) {
  throw;
} catch (const Error&) {
  if (record_.find(item.to)->unpacked.empty()) record_.forget(item.to);
  throw;
}

void Folder::fetch(const Item& item) {
  Source source = expected(item, record_);
  if (item.unpack) source.check = [this](const fs::path& archive) { contents_ = look_into(archive, {}, options_.progress); };
  const Downloaded downloaded = download(source, folder_ / item.to, options_);
  Fetched fetched;
  if (const Fetched* before = record_.find(item.to)) fetched.unpacked = before->unpacked;
  fetched.url = downloaded.url;
  fetched.sha256 = downloaded.sha256;
  fetched.size = downloaded.size;
  record_.set(item.to, fetched);
}

// A file that is there under its name: ours as it came, or one that somebody put there, who knows what he does where nothing is stated.
void Folder::adopt(const Item& item) {
  const fs::path file = folder_ / item.to;
  std::error_code error;
  const uint64_t size = fs::file_size(file, error);
  if (error) throw Error(fmt::format("{}: is there, but is no file that can be read ({}); move it away", file.string(), error.message()));
  if (const Fetched* before = record_.find(item.to)) {
    if (before->size == size) return;
    throw Error(
        fmt::format("{}: has {} bytes, but {} when it was fetched; move it away and call again", file.string(), size, before->size));
  }
  const FileDigests found = digests_of(file, item.source.digest.kind, options_.progress);
  const auto refuse = [&](const std::string& has, const std::string& stated) {
    throw Error(
        fmt::format("{}: is there and was not fetched by clbench; it has {}, not {} as is stated of it; move it away and call again",
                    file.string(), has, stated));
  };
  if (item.source.size && found.size != item.source.size) refuse(fmt::format("{} bytes", found.size), std::to_string(item.source.size));
  if (!item.source.digest.empty() && found.other.digits != item.source.digest.digits) refuse(found.other.text(), item.source.digest.digits);
  record_.set(item.to, {"", found.sha256.digits, found.size, {}, false});
}

void Folder::refuse_foreign(const Item& item, const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    if (name == kOwnFolder || name == item.to)
      throw Error(fmt::format("{}: holds a file {}, which cannot stand beside it; the archive is not unpacked",
                              (folder_ / item.to).string(), name));
    if (is_taken(folder_ / name) && !record_.unpacked_before(item.to, name))
      throw Error(fmt::format("{}: is there and was not unpacked by clbench, but {} holds it too; move it away and call again",
                              (folder_ / name).string(), item.to));
  }
}

// Of an archive that lies there, whoever put it there.
Contents Folder::look_whether_good(const fs::path& archive) const try {
  return look_into(archive, {}, options_.progress);
} catch (const base::WriteError&) {
  throw;
} catch (const Error& error) {
  throw Error(fmt::format("{}; remove it and get it again, or unpack it yourself", error.what()), base::Exit::kFailedRun);
}

void Folder::unpack_item(const Item& item) {
  const fs::path archive = folder_ / item.to;
  const Contents contents = contents_ ? *std::exchange(contents_, std::nullopt) : look_whether_good(archive);
  const bool here = item.unpack->empty();
  const std::vector<std::string> names =
      here ? std::vector<std::string>(contents.top.begin(), contents.top.end()) : std::vector{*item.unpack};
  refuse_foreign(item, names);
  require_space(folder_, contents.bytes, fmt::format("{} unpacked takes", item.to));
  const Scratch scratch(own() / kUnpacked);
  unpack(archive, scratch.path(), {}, options_.progress);
  write_manifest(folder_, item.to, scratch.path(), *item.unpack);
  flush(scratch.path());
  Fetched fetched = *record_.find(item.to);
  const bool was_complete = fetched.complete;
  fetched.unpacked = names;
  fetched.complete = false;
  record_.set(item.to, fetched);
  for (const std::string& name : names) {
    if (was_complete && is_taken(folder_ / name)) continue;  // only what was removed since comes again
    std::error_code ignored;
    fs::remove_all(folder_ / name, ignored);  // of this archive, from a call that was broken off
    rename_new(here ? scratch.path() / name : scratch.path(), folder_ / name);
  }
  fetched.complete = true;
  record_.set(item.to, fetched);
}

}  // namespace clb::fetch
