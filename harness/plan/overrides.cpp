#include "overrides.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>

namespace clb::plan {
namespace {

struct Override {
  Place place;
  std::vector<std::string> path;
  Node value;
};

void move_to(Node& node, const Place& place) {
  node.place = place;
  if (List* list = std::get_if<List>(&node.value))
    for (Node& element : *list) move_to(element, place);
  if (Table* table = std::get_if<Table>(&node.value)) {
    Table moved;
    for (Entry entry : table->entries()) {
      move_to(entry.value, place);
      moved.set(entry.key, place, std::move(entry.value));
    }
    *table = std::move(moved);
  }
}

Override parse_override(const std::string& text) {
  Override parsed;
  parsed.place.source = std::make_shared<const std::string>("--set " + text);
  const size_t equals = text.find('=');
  std::string key = text.substr(0, equals);
  while (!key.empty() && key.back() == ' ') key.pop_back();
  for (size_t begin = 0; begin <= key.size();) {
    const size_t end = std::min(key.find('.', begin), key.size());
    parsed.path.push_back(key.substr(begin, end - begin));
    begin = end + 1;
  }
  if (equals == std::string::npos || std::count(parsed.path.begin(), parsed.path.end(), "") > 0)
    fail(parsed.place, "expected KEY=VALUE with a dotted key, for example run.seed=[0,1]");
  parsed.value = parse_value(text.substr(equals + 1), parsed.place);
  return parsed;
}

std::string id_of(const Node& node) {
  const Node* id = node.table() ? node.table()->find("id") : nullptr;
  if (!id && node.table()) id = node.table()->find("name");  // a data set given by name
  const std::string* text = id ? std::get_if<std::string>(&id->value) : nullptr;
  return text ? *text : "";
}

// The tables that path[next] selects below `child`; advances `next` when it was an id.
std::vector<Node*> select(Node& child, const Override& change, size_t& next) {
  const std::string& segment = change.path[next];
  List* list = std::get_if<List>(&child.value);
  std::vector<Node*> entries, chosen;
  if (list) {
    for (Node& entry : *list) {
      if (!entry.table()) fail(change.place, fmt::format("{} is a list, not a table", change.path[next - 1]));
      entries.push_back(&entry);
    }
  } else {
    entries.push_back(&child);
  }
  for (Node* entry : entries)
    if (!segment.empty() && id_of(*entry) == segment) chosen.push_back(entry);
  if (!chosen.empty()) {
    if (++next == change.path.size()) fail(change.place, fmt::format("\"{}\" is a whole table; name one of its keys", segment));
    return chosen;
  }
  if (entries.size() == 1) return entries;
  std::vector<std::string> ids;
  for (const Node* entry : entries) ids.push_back(id_of(*entry));
  fail(change.place, fmt::format("\"{}\" is no id of {}; they are {}", segment, change.path[next - 1], fmt::join(ids, ", ")));
}

void apply(Node& node, const Override& change, size_t next) {
  Table* table = std::get_if<Table>(&node.value);
  if (!table) fail(change.place, fmt::format("{} is {}, not a table", change.path[next - 1], node.in_words()));
  const std::string& key = change.path[next];
  if (next + 1 == change.path.size()) {
    table->set(key, change.place, change.value);
    return;
  }
  Node* child = table->find(key);
  if (!child) child = &table->set(key, change.place, Node{change.place, Table{}});
  ++next;
  for (Node* chosen : select(*child, change, next)) apply(*chosen, change, next);
}

}  // namespace

Node parse_value(std::string text, const Place& place) {
  while (!text.empty() && text.front() == ' ') text.erase(0, 1);
  Node node{place, text};
  const bool quoted = !text.empty() && std::string_view("\"'[{").find(text.front()) != std::string_view::npos;
  try {
    const Node parsed = parse_toml("value = " + text, "the value");
    const Node* value = parsed.table()->find("value");
    if (value && parsed.table()->entries().size() == 1 && !std::holds_alternative<Moment>(value->value)) node = *value;
  } catch (const base::Error& error) {
    if (quoted) fail(place, "the value is not valid TOML");
  }
  move_to(node, place);
  return node;
}

void apply_overrides(Node& root, const std::vector<std::string>& overrides) {
  for (const std::string& text : overrides) apply(root, parse_override(text), 0);
}

}  // namespace clb::plan
