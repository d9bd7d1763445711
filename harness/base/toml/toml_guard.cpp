#include "toml_guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>

namespace clb::base::toml {
namespace {

constexpr int kMaxDotsInKey = 100;

void refuse_deep_keys(std::string_view text, const std::string& name) {
  int64_t line = 1;
  int dots = 0;
  for (const char c : text) {
    if (c == '.' && ++dots > kMaxDotsInKey)
      throw base::Error(fmt::format("{}:{}:1: a key with more than {} dots", name, line, kMaxDotsInKey));
    if (c == '\n' || c == '=' || c == ',' || c == '"') dots = 0;
    if (c == '\n') ++line;
  }
}

// Walks over a text and knows whether it stands inside quotes or a comment.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  bool done() const { return at_ >= text_.size(); }
  char here() const { return text_[at_]; }
  size_t position() const { return at_; }
  bool plain() const { return closing_.empty(); }
  bool escapes() const { return closing_.starts_with('"') && here() == '\\'; }
  // Behind white space too: in a text of several lines a backslash at the end of a line swallows what follows, up to the next letter.
  bool before_foreign() const {
    const size_t next = text_.find_first_not_of(" \t\r\n", at_ + 1);
    return next != std::string_view::npos && foreign(text_[next]);
  }
  static bool foreign(char c) { return static_cast<unsigned char>(c) >= 0x80; }

  void advance() {
    if (plain()) {
      open();
    } else if (text_.substr(at_).starts_with(closing_)) {
      at_ += closing_.size();
      for (int k = 0; k < 2 && closing_.size() == 3 && !done() && here() == closing_[0]; ++k) ++at_;  // up to two quotes belong to the text
      closing_ = {};
    } else if (closing_.size() == 1 && here() == '\n') {
      closing_ = {};  // not closed: toml++ says so
    } else {
      at_ += escapes() ? 2 : 1;
    }
  }

 private:
  void open() {
    for (const std::string_view quotes : {"\"\"\"", "'''", "\"", "'"}) {
      if (!text_.substr(at_).starts_with(quotes)) continue;
      closing_ = quotes;
      at_ += quotes.size();
      return;
    }
    if (here() == '#') closing_ = "\n";
    ++at_;
  }

  std::string_view text_, closing_;  // closing_: what ends the quotes or the comment
  size_t at_ = 0;
};

[[noreturn]] void fail_at(std::string_view before, const std::string& name, std::string_view sentence) {
  const size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0
  throw base::Error(
      fmt::format("{}:{}:{}: {}", name, 1 + std::count(before.begin(), before.end(), '\n'), before.size() - begin + 1, sentence));
}

// toml++ takes 0"x" and 0["x" for one bare value: what we hold for quoted would be bare to it.
bool splits_a_value(std::string_view before, char here) {
  constexpr std::string_view kMayPrecede = " \t\r\n=[,{.", kMayBePreceded = "\"'[{";
  return kMayBePreceded.find(here) != std::string_view::npos && !before.empty() &&
         kMayPrecede.find(before.back()) == std::string_view::npos;
}

void refuse_foreign_letters(std::string_view text, const std::string& name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (Walker walker(text); !walker.done(); walker.advance()) {
    const std::string_view before = text.substr(0, walker.position());
    if (walker.escapes() && walker.before_foreign())
      fail_at(before, name, "a backslash before a letter that is not ASCII; write two of them");
    if (!walker.plain()) continue;
    if (splits_a_value(before, walker.here()))
      fail_at(before, name, "quotes or a bracket in the middle of a key or value; quote the whole of it");
    if (Walker::foreign(walker.here()))
      fail_at(before, name, "a letter that is not ASCII stands outside quotes; put the key or value into quotes");
  }
}

}  // namespace

void refuse_what_breaks_toml(std::string_view text, const std::string& name) {
  refuse_deep_keys(text, name);
  refuse_foreign_letters(text, name);
}

}  // namespace clb::base::toml
