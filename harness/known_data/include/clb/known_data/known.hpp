// What share/datasets/NAME.toml says of a data set of the field: enough to plan for it where it is not there, to see that a folder is it,
// and to fetch it. The one place for such facts.
#pragma once

#include <clb/base/toml/node.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace clb::known_data {

// One [[file]]: fetched by `clbench data get`, or by a person where `by_hand` says how.
struct File {
  std::string to;                     // where it belongs below the data set's folder
  std::vector<std::string> urls;      // mirrors, tried in this order; empty: by_hand
  std::string by_hand;                // a sentence
  uint64_t size = 0;                  // bytes; 0: not stated
  std::string digest_kind, digest;    // "sha256" | "md5" | "sha1" and its lower-case digits; empty: none is published
  std::optional<std::string> unpack;  // the folder below the data set's to unpack into, "" for that folder itself; nothing: as it is
  std::vector<std::string> splits;    // wanted for these alone; empty: for all
  base::toml::Place place;
};

// What a split holds.
struct SplitFacts {
  int64_t classes = 0;
  int64_t train = 0, test = 0;       // images; 0: not known
  std::vector<std::string> domains;  // empty: there are none, or they are not known
};

struct Known {
  std::string name;  // of the TOML file, and of the data set's folder
  std::string plugin, title, licence, homepage;
  base::toml::Table params;                   // of the plugin, that the name stands for; an experiment's own win
  SplitFacts usual;                           // of the split that `params`, else the plugin's default, names
  std::map<std::string, SplitFacts> splits;   // of other splits by name; classes and domains are the usual ones where they state none
  std::vector<std::string> names, templates;  // of the classes in the order of their ids, for text towers; none: the plugin's own
  std::filesystem::path root;  // where it lies when it is in none of the folders of data: of `root` the first that is there; empty: no such
  std::vector<std::pair<std::string, base::toml::Node>> class_orders, domain_orders;  // official ones, lists of names
  std::string get;                                                                    // how to get it by hand, a sentence
  std::vector<File> files;

  bool can_be_fetched() const;                                   // some of it at least
  std::string split() const;                                     // that `params` names; "": the plugin's default
  std::vector<std::string> split_names() const;                  // all that this file mentions
  bool wants(const File& file, const std::string& split) const;  // is it of the split? "": of the usual one
  std::string remedy() const;                                    // "`clbench data get NAME` gets it", or who says how to
};

// Error with FILE:line:column for what is misspelt, missing or out of range.
Known read_known(const std::filesystem::path& file);

// SHARE/datasets/NAME.toml, `name` as an experiment writes it. Nothing: there is no such file.
std::optional<Known> find_known(const std::filesystem::path& share, const std::string& name);

std::vector<std::string> known_names(const std::filesystem::path& share);  // sorted

}  // namespace clb::known_data
