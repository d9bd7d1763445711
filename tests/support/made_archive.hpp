// Archives made with libarchive's writer, which writes whatever it is told.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace clb::testing {

struct MadeEntry {
  std::string name;
  std::string body{};  // of a file; of a link its target
  char kind = 'f';     // f file, d folder, s symbolic link, h hard link, p pipe, c device
};

// format: "tar", "tar.gz", "tar.xz", "zip"
inline std::filesystem::path make_archive(const std::filesystem::path& file, const std::string& format,
                                          const std::vector<MadeEntry>& entries) {
  archive* made = archive_write_new();
  const auto check = [&](int code) {
    if (code < ARCHIVE_WARN) throw std::runtime_error(archive_error_string(made));
  };
  check(format == "zip" ? archive_write_set_format_zip(made) : archive_write_set_format_pax_restricted(made));
  if (format == "tar.gz") check(archive_write_add_filter_gzip(made));
  if (format == "tar.xz") check(archive_write_add_filter_xz(made));
  check(archive_write_open_filename(made, file.c_str()));
  for (const MadeEntry& entry : entries) {
    archive_entry* header = archive_entry_new();
    archive_entry_set_pathname(header, entry.name.c_str());
    archive_entry_set_perm(header, entry.kind == 'd' ? 0755 : 0644);
    const unsigned type = entry.kind == 'd'   ? AE_IFDIR
                          : entry.kind == 's' ? AE_IFLNK
                          : entry.kind == 'p' ? AE_IFIFO
                          : entry.kind == 'c' ? AE_IFCHR
                                              : AE_IFREG;
    archive_entry_set_filetype(header, type);
    if (entry.kind == 's') archive_entry_set_symlink(header, entry.body.c_str());
    if (entry.kind == 'h') archive_entry_set_hardlink(header, entry.body.c_str());
    archive_entry_set_size(header, entry.kind == 'f' ? static_cast<int64_t>(entry.body.size()) : 0);
    check(archive_write_header(made, header));
    if (entry.kind == 'f' && !entry.body.empty()) archive_write_data(made, entry.body.data(), entry.body.size());
    archive_entry_free(header);
  }
  check(archive_write_close(made));
  archive_write_free(made);
  return file;
}

}  // namespace clb::testing
