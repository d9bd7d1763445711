// Published numbers, read from results/reference/*.toml: what was reported, on which data, protocol and weights, with which parameters, and
// how near a reproduction has to come. Data sets and weights go by names: aliases.toml says which fingerprints the first, share/weights
// which hashes the second carry.
#pragma once

#include <clb/base/toml/node.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <clb/weights/known.hpp>

namespace clb::reference {

using base::toml::Place;

// What a run must share with a reported number before the two are compared. Accuracies are measured on the test split, by class-incremental
// runs unless `kind` says else; seeds, threads and device are free.
struct Setting {
  std::string name;                 // within its file: "cifar100"
  std::string data;                 // "imagenet_r/pilot": data set and split, as aliases.toml names fingerprints
  std::string weights;              // "IN21k-augreg", a name of share/weights
  std::string kind = "class";       // class | domain | task
  std::string split;                // "B0-Inc10"
  std::vector<std::string> orders;  // class orders, canonical: "numpy(1993)"; a reproduction needs a run of each
  std::string eval_transform;       // name of a recipe; empty: any
  std::string precision = "fp32";   // fp32 | tf32 | bf16
  std::string test_batches;         // shuffled | class_sorted; empty: any, as suits methods that predict each image for itself
  int64_t test_batch_size = 0;      // 0: any
  int64_t stop_after = 0;           // 0: all tasks
  int64_t train_per_class = 0, test_per_class = 0;  // 0: all
};

// One reported number.
struct Entry {
  Place place;
  std::string file;    // stem of the file: "survey_zhou2024"
  std::string source;  // short, for tables: "survey 2024"
  std::string citation;
  std::string sure;             // "read directly", "second hand: ..."
  bool implementation = false;  // measured with the reference implementation, not printed in a paper
  std::string label;            // the method's name in the source: "ADAM + Adapter"
  std::string method;           // plugin id, also of a method that has no plugin yet
  std::string preset;           // of the plugin; empty: `params` alone over the defaults
  base::toml::Table params;     // over those of the preset
  std::string train_transform;  // empty: the preset's, else that of the evaluation
  Setting setting;
  std::string metric;               // id of the registry
  double value = 0, tolerance = 0;  // %, points
  int64_t runs = 1;                 // fewest runs that may be called a reproduction
  std::string incomparable;         // why no run can be compared; empty: one can
};

// Data whose classes are among the labels that weights were pre-trained with: its tasks are not new to such weights.
struct Overlap {
  std::string data, labels, why;  // "cifar100", "IN1k", a sentence
};

struct Aliases {
  std::map<std::string, std::string> data;                      // fingerprint -> name
  std::map<std::string, std::string> weights;                   // SHA-256 -> name
  std::map<std::string, std::vector<std::string>> pretraining;  // name of weights -> label sets of their supervised pre-training
  std::vector<Overlap> overlaps;

  std::string overlap_of(const std::string& sha256, const std::string& fingerprint) const;  // the sentence; "": none is known
};

// aliases.toml and what weights are known.
Aliases read_aliases(const std::filesystem::path& file, const std::vector<weights::Known>& known);

struct References {
  std::vector<Entry> entries;  // files by name, rows and cells as written
  Aliases aliases;
};

// All *.toml of the folder; `known`: weights that have a name. Error with FILE:line:column for what is misspelt, missing or out of range,
// and for a name given to two things.
References read_references(const std::filesystem::path& folder, const std::vector<weights::Known>& known);

// "pilot" and "numpy" with order_seed 1993 are "numpy(1993)".
std::string canonical_order(const std::string& order, int64_t order_seed);

}  // namespace clb::reference
