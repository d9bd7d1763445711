#include <clb/base/toml/reader.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/nearest.hpp>
#include <cmath>

#include <clb/base/toml/sentence.hpp>

namespace clb::base::toml {
namespace {

[[noreturn]] void wrong(const Node& node, const std::string& what, const std::string& expected) {
  fail(node.place, fmt::format("{} must be {}, found {}", what, expected, node.in_words()));
}

std::string int_range(int64_t min, int64_t max) {
  if (min == std::numeric_limits<int64_t>::min() && max == kMaxInt) return "an integer";
  return max == kMaxInt ? fmt::format("an integer of at least {}", min) : fmt::format("an integer from {} to {}", min, max);
}

const Table& require_table(const Node& node, const std::string& name) {
  if (const Table* table = node.table()) return *table;
  fail(node.place, fmt::format("{} must be a table, found {}", name, node.in_words()));
}

}  // namespace

bool to_bool(const Node& node, const std::string& what) {
  if (const bool* value = std::get_if<bool>(&node.value)) return *value;
  wrong(node, what, "true or false");
}

int64_t to_int(const Node& node, const std::string& what, int64_t min, int64_t max) {
  const int64_t* value = std::get_if<int64_t>(&node.value);
  if (!value || *value < min || *value > max) wrong(node, what, int_range(min, max));
  return *value;
}

double to_number(const Node& node, const std::string& what) {
  if (const int64_t* value = std::get_if<int64_t>(&node.value)) return static_cast<double>(*value);
  const double* value = std::get_if<double>(&node.value);
  if (!value || !std::isfinite(*value)) wrong(node, what, "a finite number");
  return *value;
}

std::string to_string(const Node& node, const std::string& what) {
  const std::string* value = std::get_if<std::string>(&node.value);
  if (!value) wrong(node, what, "a string");
  if (value->empty()) fail(node.place, what + " must not be empty");
  if (value->find('\0') != std::string::npos) fail(node.place, what + " must not hold a NUL character");
  return *value;
}

std::string to_choice(const Node& node, const std::string& what, const std::vector<std::string>& choices) {
  const std::string* value = std::get_if<std::string>(&node.value);
  if (!value) wrong(node, what, fmt::format("one of {}", fmt::join(choices, ", ")));
  if (std::find(choices.begin(), choices.end(), *value) != choices.end()) return *value;
  const std::string near = base::nearest(*value, choices);
  fail(node.place, fmt::format("{} must be one of {}, found \"{}\"{}", what, fmt::join(choices, ", "), *value,
                               near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
}

std::vector<int64_t> to_int_list(const Node& node, const std::string& what, int64_t min, int64_t max) {
  const List* list = node.list();
  if (!list) wrong(node, what, "a list of integers");
  if (list->empty()) fail(node.place, what + " must not be an empty list");
  std::vector<int64_t> values;
  for (const Node& element : *list) values.push_back(to_int(element, "each element of " + what, min, max));
  return values;
}

std::vector<int64_t> to_int_or_list(const Node& node, const std::string& what, int64_t min, int64_t max) {
  if (node.list()) return to_int_list(node, what, min, max);
  if (!std::holds_alternative<int64_t>(node.value)) wrong(node, what, int_range(min, max) + " or a list of them");
  return {to_int(node, what, min, max)};
}

std::vector<double> to_number_list(const Node& node, const std::string& what, size_t count) {
  const List* list = node.list();
  if (!list || list->size() != count) wrong(node, what, fmt::format("a list of {} numbers", count));
  std::vector<double> values;
  for (const Node& element : *list) values.push_back(to_number(element, "each element of " + what));
  return values;
}

void check_keys(const Table& table, const std::string& name, const std::vector<std::string>& known,
                const std::function<std::string(const std::string&)>& hint) {
  for (const Entry& entry : table.entries()) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    std::string end = hint ? hint(entry.key) : "";
    if (end.empty()) end = suggestion(entry.key, known, "known keys");
    fail(entry.key_place,
         fmt::format("unknown key \"{}\" {}{}", entry.key, name.empty() ? "at the top level" : fmt::format("in [{}]", name), end));
  }
}

Reader::Reader(const Node& node, std::string name) : node_(node), table_(require_table(node, name)), name_(std::move(name)) {}

const Node& Reader::at(const std::string& key, const std::string& example) const {
  if (const Node* node = find(key)) return *node;
  fail(place(), fmt::format("[{}] needs {}, for example {} = {}", name_, key, key, example));
}

bool Reader::flag(const std::string& key, bool fallback) const {
  const Node* node = find(key);
  return node ? to_bool(*node, what(key)) : fallback;
}

int64_t Reader::integer(const std::string& key, int64_t fallback, int64_t min, int64_t max) const {
  const Node* node = find(key);
  return node ? to_int(*node, what(key), min, max) : fallback;
}

std::string Reader::string(const std::string& key, const std::string& fallback) const {
  const Node* node = find(key);
  return node ? to_string(*node, what(key)) : fallback;
}

std::string Reader::choice(const std::string& key, const std::string& fallback, const std::vector<std::string>& choices) const {
  const Node* node = find(key);
  return node ? to_choice(*node, what(key), choices) : fallback;
}

}  // namespace clb::base::toml
