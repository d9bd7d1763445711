#include <fmt/format.h>

#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/base/toml/reader.hpp>
#include <clb/reference/reference.hpp>

#include "values.hpp"

namespace clb::reference {
namespace {

using namespace base::toml;

std::string digest(const Node& node, const std::string& what) {
  const std::string text = to_string(node, what);
  if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    fail(node.place, fmt::format("{} must be 64 lower-case hexadecimal digits, found \"{}\"", what, text));
  return text;
}

std::map<std::string, std::string> data_names(const Node& root) {
  std::map<std::string, std::string> found;
  const Node* list = root.table()->find("data");
  if (!list) return found;
  if (!list->list()) fail(list->place, "data must be written as [[data]]");
  for (const Node& node : *list->list()) {
    const Reader reader(node, "data");
    check_keys(reader.table(), "data", {"name", "fingerprint"});
    const std::string name = to_string(reader.at("name", "\"cifar100/official\""), reader.what("name"));
    const Node& value = reader.at("fingerprint", "\"64 hexadecimal digits\"");
    const auto [entry, fresh] = found.emplace(digest(value, reader.what("fingerprint")), name);
    if (!fresh) fail(value.place, fmt::format("fingerprint is {} already", entry->second));
  }
  return found;
}

std::vector<Overlap> overlaps(const Node& root) {
  std::vector<Overlap> found;
  const Node* list = root.table()->find("overlap");
  if (!list) return found;
  if (!list->list()) fail(list->place, "overlap must be written as [[overlap]]");
  for (const Node& node : *list->list()) {
    const Reader reader(node, "overlap");
    check_keys(reader.table(), "overlap", {"data", "labels", "why"});
    const auto text = [&](const char* key, const char* example) { return to_string(reader.at(key, example), reader.what(key)); };
    found.push_back({text("data", "\"cifar100\""), text("labels", "\"IN1k\""), text("why", "\"a sentence\"")});
  }
  return found;
}

}  // namespace

std::string Aliases::overlap_of(const std::string& sha256, const std::string& fingerprint) const {
  const auto name = weights.find(sha256), set = data.find(fingerprint);
  if (name == weights.end() || set == data.end()) return "";
  const auto labels = pretraining.find(name->second);
  if (labels == pretraining.end()) return "";
  const std::string plain = set->second.substr(0, set->second.find('/'));
  for (const Overlap& overlap : overlaps)
    if (overlap.data == plain && std::find(labels->second.begin(), labels->second.end(), overlap.labels) != labels->second.end())
      return overlap.why;
  return "";
}

Aliases read_aliases(const std::filesystem::path& file, const std::vector<weights::Known>& known) {
  const Node root = parse_toml(base::read_file(file, kMaxBytes), file.string());
  check_keys(*root.table(), "", {"data", "overlap"});
  Aliases aliases{data_names(root), {}, {}, overlaps(root)};
  for (const weights::Known& one : known) {
    if (!one.sha256.empty()) aliases.weights.emplace(one.sha256, one.name);
    if (!one.labels.empty()) aliases.pretraining[one.name] = one.labels;
  }
  return aliases;
}

}  // namespace clb::reference
