// Typed reading of TOML values. Every function throws base::Error with the place of the value, what was expected and what was found.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <clb/base/toml/node.hpp>

namespace clb::base::toml {

inline constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();

// `what` names the value in the sentence: "run.threads".
bool to_bool(const Node& node, const std::string& what);
int64_t to_int(const Node& node, const std::string& what, int64_t min, int64_t max);
double to_number(const Node& node, const std::string& what);  // an integer or a finite float
std::string to_string(const Node& node, const std::string& what);
std::string to_choice(const Node& node, const std::string& what, const std::vector<std::string>& choices);
std::vector<int64_t> to_int_list(const Node& node, const std::string& what, int64_t min, int64_t max);     // not empty
std::vector<int64_t> to_int_or_list(const Node& node, const std::string& what, int64_t min, int64_t max);  // 3 or [1, 2, 3]
std::vector<double> to_number_list(const Node& node, const std::string& what, size_t count);               // exactly `count`

// Error at the first key of `table` that is not known, with a suggestion. `name` as in "[train]"; empty: the top level. `hint` may give
// another end of the sentence for a key ("; it belongs in [run]") or "".
void check_keys(const Table& table, const std::string& name, const std::vector<std::string>& known,
                const std::function<std::string(const std::string&)>& hint = {});

// One table of the file: typed access by key, with defaults.
class Reader {
 public:
  Reader(const Node& node, std::string name);  // name: "protocol"; Error when `node` is no table

  const Place& place() const { return node_.place; }
  const Table& table() const { return table_; }
  const std::string& name() const { return name_; }
  std::string what(const std::string& key) const { return name_.empty() ? key : name_ + "." + key; }
  const Node* find(const std::string& key) const { return table_.find(key); }
  const Node& at(const std::string& key, const std::string& example) const;  // Error when it is missing

  bool flag(const std::string& key, bool fallback) const;
  int64_t integer(const std::string& key, int64_t fallback, int64_t min, int64_t max) const;
  std::string string(const std::string& key, const std::string& fallback) const;
  std::string choice(const std::string& key, const std::string& fallback, const std::vector<std::string>& choices) const;

 private:
  const Node& node_;
  const Table& table_;
  std::string name_;
};

}  // namespace clb::base::toml
