#include <array>
#include <clb/base/cache.hpp>
#include <clb/base/file.hpp>
#include <regex>

namespace clb::base {
namespace {

constexpr std::string_view kSignature = "Signature: 8a477f597d28d172789f06886806bc55";
constexpr std::string_view kOwner = "# This folder is the cache of clbench";

// From the root on. A temporary file or folder is named after what it becomes, with more between that and ".tmp".
const std::regex& files() {
  static const std::regex pattern(
      R"(CACHEDIR\.TAG(\.[^/]*tmp)?|doctor\.[^/]*tmp)"
      R"(|(describe|sha256)/[0-9a-f]{32,64}\.json(\.lock|\.[^/]*tmp)?)"
      R"(|data/([0-9a-f]{64}|(new|[0-9a-f]{64})\.[^/]*tmp|tmp\.[0-9]+)/((train|test)\.(index|(decoded|encoded)(\.index)?)(\.lock|\.[^/]*tmp[0-9]*)?|lock))"
      R"(|data/([0-9a-f]{64}|new\.[^/]*tmp)/files-[0-9a-f]{16}(\.[^/]*tmp)?)"
      R"(|features/[0-9a-f]{64}/([0-9a-f]{16}\.safetensors(\.lock|\.[^/]*tmp)?|lock))"
      R"(|(data|features)/([0-9a-f]{64}\.)?lock)");
  return pattern;
}
const std::regex& folders() {
  static const std::regex pattern(R"(describe|sha256|(data|features)(/[0-9a-f]{64})?|data/((new|[0-9a-f]{64})\.[^/]*tmp|tmp\.[0-9]+))");
  return pattern;
}

}  // namespace

bool is_own_in_cache(const fs::path& inner, bool folder) { return std::regex_match(inner.generic_string(), folder ? folders() : files()); }

std::optional<fs::path> foreign_in_cache(const fs::path& cache) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(cache, error), end; !error && entry != end; entry.increment(error)) {
    const fs::file_status status = entry->symlink_status(error);
    const fs::path inner = entry->path().lexically_relative(cache);
    const bool kind = fs::is_directory(status) || fs::is_regular_file(status);
    if (!kind || !is_own_in_cache(inner, fs::is_directory(status))) return entry->path();
  }
  return std::nullopt;
}

bool is_marked_cache(const fs::path& cache) {
  const fs::path tag = cache / kCacheTag;
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(tag, error))) return false;
  try {
    const std::string text = read_file(tag, 4096);
    return text.starts_with(kSignature) && text.find(kOwner) != std::string::npos;
  } catch (const std::exception&) {
    return false;
  }
}

void prepare_cache(const fs::path& cache) {
  std::error_code error;
  fs::create_directories(cache, error);
  if (error || fs::exists(fs::symlink_status(cache / kCacheTag, error)) || foreign_in_cache(cache)) return;
  try {
    write_file_atomic(cache / kCacheTag, std::string(kSignature) + "\n" + std::string(kOwner) +
                                             ": what it holds is made again when it is missing.\n"
                                             "# `clbench cache prune` makes room. About the tag: https://bford.info/cachedir/\n");
  } catch (const std::exception&) {
    // A cache that cannot be written is told about by whoever writes to it.
  }
}

}  // namespace clb::base
