#include "manifest.hpp"

#include <fmt/format.h>

#include <charconv>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/there.hpp>
#include <clb/fetch/record.hpp>
#include <map>
#include <optional>
#include <string_view>

#include "entry_path.hpp"
#include "place.hpp"

namespace clb::fetch {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kMostBytes = uint64_t{4} << 30;

fs::path manifest_of(const fs::path& folder, const std::string& archive) { return folder / kOwnFolder / "files" / (archive + ".txt"); }

struct Line {
  std::string_view path;
  uint64_t size = 0;
};

std::optional<Line> parse(std::string_view text) {
  Line line;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), line.size);
  if (error != std::errc() || end == text.data() + text.size() || *end != '\t') return std::nullopt;
  line.path = text.substr(static_cast<size_t>(end - text.data()) + 1);
  return inner_name(std::string(line.path)) == line.path ? std::optional(line) : std::nullopt;
}

// The topmost of the names on the way to a missing file that is missing too: a whole folder is named once.
std::string topmost_missing(const fs::path& folder, std::string_view path) {
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1))
    if (!base::is_taken(folder / path.substr(0, slash))) return std::string(path.substr(0, slash + 1));
  return std::string(path);
}

class Lacking {
 public:
  explicit Lacking(const fs::path& folder) : folder_(folder) {}

  void look_at(const Line& line) {
    ++all_;
    std::error_code error;
    const fs::path file = folder_ / line.path;
    if (!base::is_taken(file)) {
      ++missing_[topmost_missing(folder_, line.path)];
    } else if (fs::is_regular_file(fs::symlink_status(file, error)) && fs::file_size(file, error) != line.size) {
      ++changed_[std::string(line.path)];
    }
  }

  std::string sentence(const std::string& archive) const {
    std::string text;
    if (!missing_.empty())
      text = fmt::format("{} of the {} files that {} held are missing: {}", total(missing_), all_, archive, named(missing_));
    if (!changed_.empty())
      text += fmt::format("{}{} of the files that {} held {} another size: {}", text.empty() ? "" : "; ", total(changed_), archive,
                          total(changed_) == 1 ? "has" : "have", named(changed_));
    return text;
  }

 private:
  using Names = std::map<std::string, uint64_t>;  // with the number of files that each stands for

  static uint64_t total(const Names& names) {
    uint64_t sum = 0;
    for (const auto& [name, count] : names) sum += count;
    return sum;
  }

  static std::string named(const Names& names) {
    constexpr size_t kNamed = 5;
    std::string text;
    size_t k = 0;
    for (const auto& [name, count] : names) {
      if (k++ == kNamed) return text + fmt::format(" and {} more", names.size() - kNamed);
      text += fmt::format("{}{}{}", text.empty() ? "" : ", ", name, count > 1 ? fmt::format(" ({} files)", count) : "");
    }
    return text;
  }

  const fs::path& folder_;
  uint64_t all_ = 0;
  Names missing_, changed_;
};

}  // namespace

void write_manifest(const fs::path& folder, const std::string& archive, const fs::path& unpacked, const std::string& below) {
  const fs::path file = manifest_of(folder, archive);
  make_folder(file.parent_path());
  base::AtomicFile out(file);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(unpacked)) {
    const fs::file_type type = entry.symlink_status().type();
    if (type == fs::file_type::directory) continue;
    const std::string path = (fs::path(below) / entry.path().lexically_relative(unpacked)).string();
    out.write(fmt::format("{}\t{}\n", type == fs::file_type::regular ? entry.file_size() : 0, path));
  }
  out.finish();
}

std::string lacking(const fs::path& folder, const std::string& archive) {
  const fs::path file = manifest_of(folder, archive);
  if (!base::is_there(file)) return "";
  const std::string text = base::read_file(file, kMostBytes);
  Lacking lacking(folder);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const auto line = parse(std::string_view(text).substr(at, end - at));
    if (!line) return fmt::format("{}: is no record of what was unpacked; remove it, and this is not checked", file.string());
    lacking.look_at(*line);
    at = end + 1;
  }
  return lacking.sentence(archive);
}

}  // namespace clb::fetch
