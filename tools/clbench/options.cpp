#include "options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>
#include <clb/base/output.hpp>
#include <iostream>
#include <sstream>

namespace clb::cli {

using base::Error;

Options::Options(const VerbText& text) : text_(text), described_("options", 110, 60) {}

void Options::add_json() { add()("json", "print JSON instead of text"); }

void Options::add_database(const char* file) {
  add()("db", po::value<std::string>()->value_name("FILE")->default_value(file), "database of results");
}

void Options::add_installation() {
  add()("plugin-path", po::value<std::vector<std::string>>()->value_name("DIR")->composing(),
        "look for plugins in DIR first (repeatable); then in CLB_PLUGIN_PATH and the installation");
}

void Options::add_cache() {
  add()("cache", po::value<std::string>()->value_name("DIR|off"), "cache; default: CLB_CACHE, else $XDG_CACHE_HOME/clbench");
}

void Options::add_overrides() {
  add()("set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE")->composing(),
        "override a value of the experiment (repeatable), for example --set run.seed=[0,1]");
  add_weights_path();
  add_data_path();
}

void Options::add_weights_path() {
  add()("weights-path", po::value<std::vector<std::string>>()->value_name("DIR")->composing(),
        "look for weights given by name in DIR first (repeatable); then in CLB_WEIGHTS_PATH, the installation and the user's data folder");
}

void Options::add_data_path() {
  add()("data-path", po::value<std::vector<std::string>>()->value_name("DIR")->composing(),
        "look for data sets given by name in DIR first (repeatable), each in a folder of its name; then in CLB_DATA and the user's data "
        "folder");
}

void Options::add_force() { add()("force", "replace also files that clbench did not write, but never what the command reads"); }

bool Options::parse(const Arguments& arguments, size_t min_words, size_t max_words) {
  add()("help,h", "this text");
  for (const std::string& argument : arguments) given_.push_back(quoted(argument));
  po::options_description all;
  all.add(described_);
  all.add_options()("words", po::value<std::vector<std::string>>());
  po::positional_options_description positions;
  positions.add("words", -1);
  try {
    // No abbreviations: a script must not change its meaning when an option is added.
    const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(arguments).options(all).positional(positions).style(style).run(), values_);
  } catch (const po::unknown_option& error) {
    std::vector<std::string> names;
    for (const auto& option : described_.options()) names.push_back("--" + option->long_name());
    const std::string given = error.get_option_name(), near = base::nearest(given, names);
    throw Error(
        fmt::format("{}: unknown option {}; {}", text_.name, given,
                    near.empty() ? fmt::format("`clbench {} --help` lists them", text_.name) : fmt::format("did you mean {}?", near)));
  } catch (const po::error& error) {
    throw Error(fmt::format("{}: {}; `clbench {} --help` shows how", text_.name, error.what(), text_.name));
  }
  if (flag("help")) {
    print_help();
    return false;
  }
  words_ = texts("words");
  if (words_.size() < min_words) {
    throw Error(fmt::format("{}: {} is missing; usage: {}", text_.name, text_.positional, usage()));
  }
  if (words_.size() > max_words) {
    throw Error(fmt::format("{}: '{}' is one word too many; usage: {}", text_.name, words_[max_words], usage()));
  }
  return true;
}

std::string Options::command() const {
  std::string line = fmt::format("clbench {}", text_.name);
  for (const std::string& word : given_) line += " " + word;
  return line;
}

std::string Options::given(const std::vector<const char*>& names) const {
  std::string line;
  for (const char* name : names) {
    if (!flag(name) || values_[name].defaulted()) continue;
    const auto* list = boost::any_cast<std::vector<std::string>>(&values_[name].value());
    for (const std::string& value : list ? *list : std::vector{text(name)}) line += fmt::format(" --{} {}", name, quoted(value));
  }
  return line;
}

std::vector<std::string> Options::texts(const char* name) const {
  return flag(name) ? values_[name].as<std::vector<std::string>>() : std::vector<std::string>{};
}

std::optional<int64_t> Options::number(const char* name, int64_t min) const {
  if (!flag(name)) return std::nullopt;
  const std::string given = text(name);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  if (error != std::errc() || end != given.data() + given.size() || value < min) {
    throw Error(fmt::format("{}: --{} takes a whole number of at least {}, not '{}'", text_.name, name, min, given));
  }
  return value;
}

std::string Options::usage() const {
  return fmt::format("clbench {}{}{} [options]", text_.name, *text_.positional ? " " : "", text_.positional);
}

void Options::print_help() const {
  std::stringstream wrapped;
  wrapped << described_;
  std::string options;
  for (std::string line; std::getline(wrapped, line);) options += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  fmt::print("clbench {}: {}\n\nusage: {}\n\n{}\nexample: {}\n", text_.name, text_.about, usage(), options, text_.example);
}

std::vector<std::filesystem::path> database_files(const std::filesystem::path& database) {
  const std::filesystem::path real = base::followed(database);
  std::vector<std::filesystem::path> files{database};
  for (const char* suffix : {"-wal", "-shm", "-journal", ".lock"}) files.emplace_back(real.string() + suffix);
  return files;
}

std::string quoted(const std::string& word) {
  constexpr const char* kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./=:,+-%@";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string result = "'";
  for (const char c : word) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

}  // namespace clb::cli
