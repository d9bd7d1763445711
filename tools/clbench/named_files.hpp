// Data sets and weights that have a name, as files: which there are, where they lie, what fetches them. For `clbench data` and `demo`.
#pragma once

#include <clb/fetch/folder.hpp>
#include <clb/known_data/known.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options.hpp"

namespace clb::cli {

struct NamedFile {
  fetch::Item item;
  std::string by_hand;              // how a person gets it; empty: it is fetched
  std::vector<std::string> splits;  // wanted for these alone; empty: for all
};

struct NamedFiles {
  std::string kind;  // "data" | "weights"
  std::string name, title, licence, homepage, get;
  std::vector<NamedFile> files;
  std::string looked_in;                       // "in none of A, B": where it is looked for
  std::optional<std::filesystem::path> place;  // where it is: a data set's folder, a weight file
  std::filesystem::path folder;                // that the files are fetched into; empty: there is no such place (no HOME)
  std::optional<known_data::Known> data;       // of a data set
  std::string sha256;                          // of weights

  bool can_be_fetched() const;
  uint64_t size() const;      // of the files that are fetched; 0: not stated of all
  std::string state() const;  // "there" | "in part" | "absent" | "where its plugin looks"
};

// --data-path, --weights-path, --root: where things are looked for, and fetched to.
void add_places(Options& options);

// Sorted by kind and name. What is described in a file that cannot be read is left out, and stderr says so.
std::vector<NamedFiles> all_named(const Options& options);
NamedFiles named(const std::string& name, const Options& options);  // Error with a suggestion

}  // namespace clb::cli
