#include <clb/fetch/unpack.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clb/base/descriptor.hpp>
#include <clb/base/error.hpp>
#include <clb/base/text.hpp>
#include <utility>
#include <vector>

#include "archive_reader.hpp"
#include "place.hpp"

namespace clb::fetch {
namespace {

namespace fs = std::filesystem;
using Kind = ArchiveEntry::Kind;

[[noreturn]] void fail(const fs::path& file) { throw base::WriteError(cannot_write(file, errno)); }

void write_file(ArchiveReader& reader, const fs::path& file) {
  const base::Descriptor out(open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (out.get() < 0) fail(file);
  std::span<const uint8_t> bytes;
  uint64_t offset = 0, end = 0;
  while (reader.read(bytes, offset)) {
    for (size_t done = 0; done < bytes.size();) {
      const ssize_t put = pwrite(out.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) fail(file);
      done += static_cast<size_t>(put);
    }
    end = offset + bytes.size();
  }
  if (ftruncate(out.get(), static_cast<off_t>(end)) != 0) fail(file);  // an end of nothing but zeros may be a hole
}

// Links come last: while files are written there is none that could lead a path elsewhere.
void make_links(const fs::path& archive, const fs::path& folder, const std::vector<std::pair<std::string, std::string>>& links) {
  const std::string inside = fs::canonical(folder).string() + "/";
  for (const auto& [name, target] : links) {
    make_folder((folder / name).parent_path());
    const fs::path from = fs::canonical((folder / name).parent_path());  // through links of before, all of which lead inside
    if (!((from / target).lexically_normal().string() + "/").starts_with(inside))
      throw base::Error(fmt::format("{}: the entry \"{}\" is a link to \"{}\", which leads outside; the archive is not unpacked",
                                    archive.string(), base::printable(name), base::printable(target)));
    if (symlink(target.c_str(), (folder / name).c_str()) != 0) fail(folder / name);
  }
}

}  // namespace

Contents look_into(const fs::path& archive, const Limits& limits, const Progress& progress) {
  ArchiveReader reader(archive, limits, progress, "looked at");
  Contents contents;
  for (ArchiveEntry entry; reader.next(entry);) {
    contents.top.insert(entry.name.substr(0, entry.name.find('/')));
    if (entry.kind != Kind::kFile) continue;
    std::span<const uint8_t> bytes;
    uint64_t offset = 0;
    while (reader.read(bytes, offset)) continue;
  }
  contents.entries = reader.entries();
  contents.bytes = reader.bytes();
  return contents;
}

void unpack(const fs::path& archive, const fs::path& folder, const Limits& limits, const Progress& progress) {
  ArchiveReader reader(archive, limits, progress, "unpacked");
  std::vector<std::pair<std::string, std::string>> links;
  for (ArchiveEntry entry; reader.next(entry);) {
    const fs::path path = folder / entry.name;
    if (entry.kind == Kind::kLink) {
      links.emplace_back(entry.name, entry.target);
      continue;
    }
    make_folder(entry.kind == Kind::kFolder ? path : path.parent_path());
    if (entry.kind == Kind::kFile) write_file(reader, path);
    if (entry.kind == Kind::kSameFile && link((folder / entry.target).c_str(), path.c_str()) != 0) fail(path);
  }
  make_links(archive, folder, links);
}

}  // namespace clb::fetch
