#include "aliases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/base/toml/reader.hpp>

namespace clb::reference {
namespace {

using namespace base::toml;

constexpr uint64_t kMaxBytes = 1 << 20;

// Fingerprints and SHA-256 digests alike: 64 lower-case hexadecimal digits.
std::string digest(const Node& node, const std::string& what) {
  const std::string text = to_string(node, what);
  if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    fail(node.place, fmt::format("{} must be 64 lower-case hexadecimal digits, found \"{}\"", what, text));
  return text;
}

std::map<std::string, std::string> names(const Node& root, const std::string& key, const std::string& digest_key) {
  std::map<std::string, std::string> found;
  const Node* list = root.table()->find(key);
  if (!list) return found;
  if (!list->list()) fail(list->place, fmt::format("{0} must be written as [[{0}]]", key));
  for (const Node& node : *list->list()) {
    const Reader reader(node, key);
    check_keys(reader.table(), key, {"name", digest_key});
    const std::string name = to_string(reader.at("name", "\"cifar100/official\""), reader.what("name"));
    const Node& value = reader.at(digest_key, "\"64 hexadecimal digits\"");
    const auto [entry, fresh] = found.emplace(digest(value, reader.what(digest_key)), name);
    if (!fresh) fail(value.place, fmt::format("{} is {} already", digest_key, entry->second));
  }
  return found;
}

}  // namespace

Aliases read_aliases(const std::filesystem::path& file) {
  const Node root = parse_toml(base::read_file(file, kMaxBytes), file.string());
  check_keys(*root.table(), "", {"data", "weights"});
  return {names(root, "data", "fingerprint"), names(root, "weights", "sha256")};
}

}  // namespace clb::reference
