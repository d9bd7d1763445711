#include "compose.hpp"

#include <fmt/format.h>

#include <clb/base/file.hpp>
#include <clb/known_data/known.hpp>

#include "files.hpp"
#include "schema.hpp"

namespace clb::plan {
namespace {

namespace fs = std::filesystem;

const std::string* string_in(const Node& node) { return std::get_if<std::string>(&node.value); }

Node text_node(const Place& place, const std::string& text) { return Node{place, text}; }

void spell_name(Node& node) {
  const std::string* name = string_in(node);
  if (!name) return;
  Table table;
  table.set("name", node.place, text_node(node.place, *name));
  node.value = std::move(table);
}

// "layup/cub" or "layup".
void spell_method(Node& node) {
  const std::string* given = string_in(node);
  if (!given) return;
  const std::string text = *given;
  const size_t slash = text.find('/');
  Table table;
  table.set("id", node.place, text_node(node.place, text.substr(0, slash)));
  if (slash != std::string::npos) table.set("preset", node.place, text_node(node.place, text.substr(slash + 1)));
  node.value = std::move(table);
}

void spell_each(Node* node, void (*spell)(Node&)) {
  if (!node) return;
  if (List* list = std::get_if<List>(&node->value))
    for (Node& one : *list) spell(one);
  else
    spell(*node);
}

// weights = "deit-tiny" is weights.main = "deit-tiny".
void spell_weights(Node* weights) {
  if (!weights) return;
  if (string_in(*weights)) {
    Node main = *weights;
    Table table;
    table.set("main", weights->place, std::move(main));
    weights->value = std::move(table);
  }
  Table* roles = std::get_if<Table>(&weights->value);
  if (!roles) return;
  std::vector<std::string> names;
  for (const Entry& entry : roles->entries()) names.push_back(entry.key);
  for (const std::string& name : names) spell_name(*roles->find(name));
}

Table without(const Table& table, const std::string& key) {
  Table other;
  for (const Entry& entry : table.entries())
    if (entry.key != key) other.set(entry.key, entry.key_place, entry.value);
  return other;
}

// A data set that share/datasets knows is told by its name alone; any other name is the id of a plugin.
void fill_dataset(Node& node, const fs::path& share) {
  Table* table = std::get_if<Table>(&node.value);
  const Node* name = table ? table->find("name") : nullptr;
  if (!name) return;
  if (const Node* id = table->find("id")) {  // --set dataset.id=ID: another data set than the file names
    if (id->place.on_command_line() && !name->place.on_command_line()) *table = without(*table, "name");
    return;
  }
  const Place place = name->place;
  const std::string text = to_string(*name, "dataset.name");
  const auto known = known_data::find_known(share, text);
  table->set("id", place, text_node(place, known ? known->plugin : text));
  if (!known) *table = without(*table, "name");  // a plugin that nothing more is known of
}

}  // namespace

Node named_dataset(Node node, const std::string& what, const fs::path& share) {
  if (!node.table()) to_string(node, what);
  spell_name(node);
  fill_dataset(node, share);
  return node;
}

namespace {

void fill_protocol(Node& node, const fs::path& share) {
  Table* table = std::get_if<Table>(&node.value);
  const Node* name = table ? table->find("name") : nullptr;
  if (!name) return;
  const std::string text = to_string(*name, "protocol.name");
  const fs::path folder = share / "protocols", file = folder / (text + ".toml");
  if (text.find('/') != std::string::npos || !is_file(file))
    fail(name->place, fmt::format("protocol.name: there is no protocol \"{}\"{}", one_line(text),
                                  suggestion(text, toml_stems(folder), fmt::format("protocols in {}", folder.string()))));
  const Node named = parse_toml(base::read_file(file, kMaxTomlBytes), file.string());
  check_protocol_keys(named);
  Table filled;
  for (const Entry& entry : named.table()->entries()) filled.set(entry.key, entry.key_place, entry.value);
  const Table own = without(*table, "name");
  for (const Entry& entry : own.entries()) filled.set(entry.key, entry.key_place, entry.value);
  *table = std::move(filled);
}

}  // namespace

void spell_out(Node& root) {
  Table& table = std::get<Table>(root.value);
  spell_each(table.find("dataset"), spell_name);
  spell_each(table.find("method"), spell_method);
  spell_weights(table.find("weights"));
  if (Node* protocol = table.find("protocol")) spell_name(*protocol);
}

void fill_in(Node& root, const fs::path& share) {
  Table& table = std::get<Table>(root.value);
  if (Node* datasets = table.find("dataset")) {
    if (List* list = std::get_if<List>(&datasets->value))
      for (Node& one : *list) fill_dataset(one, share);
    else
      fill_dataset(*datasets, share);
  }
  if (Node* protocol = table.find("protocol")) fill_protocol(*protocol, share);
}

}  // namespace clb::plan
