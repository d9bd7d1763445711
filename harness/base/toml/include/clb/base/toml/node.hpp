// A TOML document as plain values that remember where they were written, in the order in which they were written. toml++ itself stays
// inside node.cpp: its tables are sorted by name, and copies of its nodes forget their source.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace clb::base::toml {

// Where something was written: a file with line and column from 1, or (line 0) the command line: "--set run.seed=3".
struct Place {
  std::shared_ptr<const std::string> source;
  int64_t line = 0, column = 0;

  bool on_command_line() const { return line == 0; }
  std::string text() const;  // "small.toml:12:3" or "--set run.seed=3"
};

struct Node;
struct Entry;
using List = std::vector<Node>;

// Entries in file order.
class Table {
 public:
  const Node* find(std::string_view key) const;  // nullptr: absent
  Node& set(const std::string& key, const Place& key_place, Node value);
  Node* find(std::string_view key);
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

struct Moment {};  // a date or time; no key of an experiment takes one

struct Node {
  Place place;
  std::variant<bool, int64_t, double, std::string, Moment, List, Table> value;

  const Table* table() const { return std::get_if<Table>(&value); }
  const List* list() const { return std::get_if<List>(&value); }
  std::string in_words() const;  // "the string \"abc\"", "the integer 3", "a list", for "expected X, found Y"
};

struct Entry {
  std::string key;
  Place key_place;
  Node value;
};

// Throws base::Error "NAME:LINE:COLUMN: not valid TOML: ...".
Node parse_toml(std::string_view text, const std::string& name);

// Throws base::Error at `place`: "PLACE: SENTENCE".
[[noreturn]] void fail(const Place& place, const std::string& sentence);

}  // namespace clb::base::toml
