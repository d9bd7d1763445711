// The options of one verb on Boost.Program_options: help with an example, unknown flags with a suggestion, the options that several verbs
// share.
#pragma once

#include <boost/program_options.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "verbs.hpp"

namespace clb::cli {

namespace po = boost::program_options;

constexpr const char* kDatabase = "clbench.sqlite";  // of every verb but demo

struct VerbText {
  const char* name;
  const char* positional;  // "EXPERIMENT.toml | METHOD/PRESET"; empty: none
  const char* about;
  const char* example;
};

class Options {
 public:
  explicit Options(const VerbText& text);

  po::options_description_easy_init add() { return described_.add_options(); }
  void add_json();
  void add_database(const char* file = kDatabase);
  void add_installation();  // --plugin-path
  void add_cache();
  void add_overrides();  // --set, --weights-path, --data-path
  void add_data_path();
  void add_weights_path();
  void add_force();  // --force of the verbs that write files of a user's name

  // False: --help was asked for and printed. Error for anything unknown, malformed or too many positional words.
  bool parse(const Arguments& arguments, size_t min_words, size_t max_words);

  const std::vector<std::string>& words() const { return words_; }
  std::string command() const;                                     // the command line as a shell takes it
  std::string given(const std::vector<const char*>& names) const;  // " --name value" of those that were given
  bool flag(const char* name) const { return values_.count(name) > 0; }
  std::string text(const char* name) const { return flag(name) ? values_[name].as<std::string>() : ""; }
  std::vector<std::string> texts(const char* name) const;
  std::optional<int64_t> number(const char* name, int64_t min) const;

 private:
  std::string usage() const;
  void print_help() const;

  VerbText text_;
  po::options_description described_;
  po::variables_map values_;
  std::vector<std::string> words_;
  std::vector<std::string> given_;  // quoted
};

// A database with what SQLite and clbench keep beside it: no output of a command that reads it may be one of them.
std::vector<std::filesystem::path> database_files(const std::filesystem::path& database);

// A word as a shell takes it back.
std::string quoted(const std::string& word);

// "a,b,c" -> {"a", "b", "c"}
std::vector<std::string> split_list(const std::string& text);

}  // namespace clb::cli
