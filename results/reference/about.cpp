#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/base/toml/reader.hpp>
#include <clb/base/toml/sentence.hpp>
#include <clb/reference/about.hpp>

#include "values.hpp"

namespace clb::reference {
namespace {

namespace fs = std::filesystem;
using namespace base::toml;

std::string address(const Reader& reader, const std::string& key) {
  const std::string text = reader.string(key, "");
  if (!text.empty() && !is_web_address(text))
    fail(reader.find(key)->place, key + " must be an address that begins with http:// or https://");
  return text;
}

std::string month(const Reader& reader) {
  const std::string text = reader.string("date", "");
  const auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  const bool good = text.size() == 7 && text[4] == '-' && digit(0) && digit(1) && digit(2) && digit(3) && digit(5) && digit(6);
  if (!text.empty() && !good) fail(reader.find("date")->place, "date must be a year and a month: \"2023-07\"");
  return text;
}

About read_about(const fs::path& file) {
  const Node root = parse_toml(base::read_file(file, kMaxBytes), file.string());
  const Reader reader(root, "");
  check_keys(reader.table(), "", {"family", "title", "authors", "venue", "year", "date", "paper", "code", "licence"});
  return {.family = to_string(reader.at("family", "\"prompts\""), "family"),
          .title = reader.string("title", ""),
          .authors = reader.string("authors", ""),
          .venue = reader.string("venue", ""),
          .year = reader.integer("year", 0, 1900, 2100),
          .date = month(reader),
          .paper = address(reader, "paper"),
          .code = address(reader, "code"),
          .licence = reader.string("licence", "")};
}

// Braces of a field have to be balanced; a text from a file need not.
std::string field(const std::string& text) {
  std::string plain;
  for (const char c : text)
    if (c != '{' && c != '}' && c != '\\') plain += c;
  return plain;
}

}  // namespace

bool is_web_address(const std::string& text) {
  if (!text.starts_with("http://") && !text.starts_with("https://")) return false;
  return std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == 0x7f; });
}

std::string About::bibtex(const std::string& key) const {
  if (title.empty()) return "";
  std::string text = "@misc{" + key + ",\n  title = {{" + field(title) + "}},\n  author = {" + field(authors) + "}";
  if (!venue.empty()) text += ",\n  howpublished = {" + field(venue) + "}";
  if (year > 0) text += ",\n  year = {" + std::to_string(year) + "}";
  if (!paper.empty()) text += ",\n  url = {" + paper + "}";
  return text + "\n}\n";
}

std::map<std::string, About> read_abouts(const fs::path& folder) {
  std::map<std::string, About> abouts;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".toml") abouts.emplace(entry.path().stem().string(), read_about(entry.path()));
  return abouts;
}

}  // namespace clb::reference
