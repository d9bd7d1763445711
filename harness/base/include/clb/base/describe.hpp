// What `clb-runner describe FILE [ROOT]` prints: everything that can be known of a plugin only by loading it. The session writes it, the
// launcher caches it, the plan and `clbench info` read it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <clb/base/json.hpp>

namespace clb::base {

struct ParamInfo {
  std::string name, type, help;  // type: bool | int | float | string | choice | int_list | float_list
  Json default_value;
  double min = 0, max = 0;  // inclusive; equal and 0: no range
  std::vector<std::string> choices;
  uint64_t implies = 0;  // CLB_CAP_* when the value equals implied_when
  Json implied_when;
  std::vector<std::pair<Json, uint64_t>> implications;  // further values and what they imply
  std::string counts;                                   // "" or "blocks": of the network of role main, which must have as many
  Json neutral{};     // the value that means "as before this parameter existed" (clb_param.neutral); null: none
  std::string group;  // the heading under which help shows it; "": none
};

// `values` without those of parameters that have their neutral value: what a RunSpec holds, and what keys, rows and badges compare.
Json without_neutral(Json values, const std::vector<ParamInfo>& params);

// CLB_CAP_* that `values` of parameters imply; those that are left out have their neutral value, or else their default.
uint64_t implied_capabilities(const std::vector<ParamInfo>& params, const Json& values);

struct MethodInfo {
  std::string id, version, paper, file, hash;  // hash: SHA-256 of the file
  uint64_t capabilities = 0;
  int64_t state_version = 0;
  std::vector<ParamInfo> params;
  std::vector<std::string> assets;         // that it may open
  std::vector<std::string> sources;        // further files that `hash` covers
  std::vector<std::string> roles{"main"};  // of the weights that it may open

  Json to_json() const;
  static MethodInfo from_json(const Json& json, const std::string& where);
};

struct DatasetInfo {
  std::string id, version, modality, licence, citation, file, hash;
  std::string root;         // folder that was opened
  std::string fingerprint;  // SHA-256; empty when the files were not opened
  std::vector<std::string> class_names, domain_names;
  int64_t class_count = 0, height = 0, width = 0, channels = 0, feature_dim = 0;
  std::vector<int64_t> train_counts, test_counts;      // samples per original class; empty when not opened
  std::string train_labels, test_labels;               // labels_hash of the splits; empty when not opened
  std::map<std::string, std::vector<int64_t>> orders;  // official class orders
  std::map<std::string, std::vector<int64_t>> domain_orders;
  std::vector<ParamInfo> params;
  std::vector<std::string> splits;                     // "train", "test", then others
  std::vector<std::string> readable_names, templates;  // of the classes, for text towers; empty: class_names, and none
  std::vector<std::string> group_names;                // of groups of classes
  std::vector<int64_t> class_groups;                   // the group of each class; empty: there are none
  std::vector<std::string> notes;                      // what open found, for people

  Json to_json() const;
  static DatasetInfo from_json(const Json& json, const std::string& where);
};

// SHA-256 in hex of labels in index order, eight little-endian bytes each.
std::string labels_hash(std::span<const int64_t> labels);

}  // namespace clb::base
