#include "aliases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/base/toml/reader.hpp>

#include "values.hpp"

namespace clb::reference {
namespace {

using namespace base::toml;

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

// Label sets by the names of the weights that were trained with them.
std::map<std::string, std::string> label_sets(const Node& root) {
  std::map<std::string, std::string> sets;
  const Node* list = root.table()->find("pretraining");
  if (!list) return sets;
  if (!list->list()) fail(list->place, "pretraining must be written as [[pretraining]]");
  for (const Node& node : *list->list()) {
    const Reader reader(node, "pretraining");
    check_keys(reader.table(), "pretraining", {"weights", "labels"});
    sets[to_string(reader.at("weights", "\"deit-tiny\""), reader.what("weights"))] =
        to_string(reader.at("labels", "\"IN1k\""), reader.what("labels"));
  }
  return sets;
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
    if (overlap.data == plain && overlap.labels == labels->second) return overlap.why;
  return "";
}

Aliases read_aliases(const std::filesystem::path& file) {
  const Node root = parse_toml(base::read_file(file, kMaxBytes), file.string());
  check_keys(*root.table(), "", {"data", "weights", "pretraining", "overlap"});
  return {names(root, "data", "fingerprint"), names(root, "weights", "sha256"), label_sets(root), overlaps(root)};
}

}  // namespace clb::reference
