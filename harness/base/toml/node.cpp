#include <clb/base/toml/node.hpp>

#include <fmt/format.h>

// toml++ asserts on some malformed files (a table header "[!x]") before it reports them, and clang may take its assertions for granted in
// release builds. Without them every build reports.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/foreign_format.hpp>
#include <type_traits>

#include <clb/base/toml/sentence.hpp>
#include "toml_guard.hpp"

namespace clb::base::toml {
namespace {

constexpr size_t kShown = 80;  // bytes of a string that a sentence quotes

// The message of toml++ without its first word and its full stop.
std::string printable(std::string_view text) {
  if (text.starts_with("Error ")) text.remove_prefix(6);
  std::string out = one_line(std::string(text));
  while (!out.empty() && (out.back() == ' ' || out.back() == '.')) out.pop_back();
  return out;
}

class Converter {
 public:
  explicit Converter(const std::string& name) : source_(std::make_shared<const std::string>(name)) {}

  Place place(const ::toml::source_region& region) const {
    return {source_, std::max<int64_t>(1, region.begin.line), std::max<int64_t>(1, region.begin.column)};
  }

  Node convert(const ::toml::node& from) const {
    Node node{place(from.source()), Moment{}};
    from.visit([&](const auto& value) {
      using T = std::decay_t<decltype(value)>;
      if constexpr (std::is_same_v<T, ::toml::table>)
        node.value = convert_table(value);
      else if constexpr (std::is_same_v<T, ::toml::array>)
        node.value = convert_list(value);
      else if constexpr (std::is_same_v<T, ::toml::value<std::string>> || std::is_same_v<T, ::toml::value<int64_t>> ||
                         std::is_same_v<T, ::toml::value<double>> || std::is_same_v<T, ::toml::value<bool>>)
        node.value = *value;
    });
    return node;
  }

 private:
  Table convert_table(const ::toml::table& from) const {
    std::vector<Entry> entries;
    for (const auto& [key, value] : from) entries.push_back({std::string(key.str()), place(key.source()), convert(value)});
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.key_place.line, a.key_place.column) < std::pair(b.key_place.line, b.key_place.column);
    });
    Table table;
    for (Entry& entry : entries) table.set(entry.key, entry.key_place, std::move(entry.value));
    return table;
  }

  List convert_list(const ::toml::array& from) const {
    List list;
    for (const ::toml::node& value : from) list.push_back(convert(value));
    return list;
  }

  std::shared_ptr<const std::string> source_;
};

}  // namespace

std::string Place::text() const { return on_command_line() ? *source : fmt::format("{}:{}:{}", *source, line, column); }

const Node* Table::find(std::string_view key) const { return const_cast<Table*>(this)->find(key); }

Node* Table::find(std::string_view key) {
  for (Entry& entry : entries_)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

Node& Table::set(const std::string& key, const Place& key_place, Node value) {
  for (Entry& entry : entries_) {
    if (entry.key != key) continue;
    entry.key_place = key_place;
    return entry.value = std::move(value);
  }
  entries_.push_back({key, key_place, std::move(value)});
  return entries_.back().value;
}

std::string Node::in_words() const {
  struct Describe {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(int64_t v) const { return fmt::format("the integer {}", v); }
    std::string operator()(double v) const { return fmt::format("the number {}", v); }
    std::string operator()(const std::string& v) const {
      return fmt::format("the string \"{}\"", v.size() > kShown ? v.substr(0, kShown) + "..." : v);
    }
    std::string operator()(const Moment&) const { return "a date or time"; }
    std::string operator()(const List&) const { return "a list"; }
    std::string operator()(const Table&) const { return "a table"; }
  };
  return std::visit(Describe{}, value);
}

Node parse_toml(std::string_view text, const std::string& name) {
  if (const std::string said = stand_in({reinterpret_cast<const uint8_t*>(text.data()), text.size()}); !said.empty())
    throw base::Error(name + ": " + said);
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) throw base::Error(name + ": is text in UTF-16; save it as UTF-8");
  refuse_what_breaks_toml(text, name);
  const Converter converter(name);
  try {
    const ::toml::table table = ::toml::parse(text);
    return converter.convert(table);
  } catch (const ::toml::parse_error& error) {
    throw base::Error(converter.place(error.source()).text() + ": not valid TOML: " + printable(error.description()));
  }
}

void fail(const Place& place, const std::string& sentence) { throw base::Error(one_line(place.text() + ": " + sentence)); }

}  // namespace clb::base::toml
