// From an experiment file to the list of its runs. Everything is checked before anything starts; a mistake is one Error that names
// file:line:column and, for a misspelt key or id, a suggestion.
#pragma once

#include <clb/base/precision.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/base/toml/node.hpp>
#include <clb/plan/catalogue.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace clb::plan {

struct PlanOptions {
  std::filesystem::path experiment;  // the TOML file

  // --set key=value: dotted keys of the file ("run.seed=[0,1]", "method.l2p.params.top_k=3"), values in TOML syntax; what is not TOML is a
  // plain string ("dataset.root=/data/cifar"). Paths are relative to the file, those of an override to the current folder.
  std::vector<std::string> overrides;
  std::filesystem::path share;  // recipes/, presets/<method>/ live here
  int64_t cores = 1;            // run.threads when the file gives none

  // Data and weights that are not there: listed in Plan::missing instead of refused. What must be known of the data then comes from
  // share/datasets; such runs can be looked at, not started.
  bool missing_ok = false;

  // Where weight files and their descriptions (NAME.toml) are looked for, in this order; empty: share/weights.
  std::vector<std::filesystem::path> weights_folders{};

  // Where data sets that have a name are looked for, in this order, before the places that share/datasets names.
  std::vector<std::filesystem::path> data_folders{};

  // The runs will be carried out on other machines: nothing is said of what this one lacks for them.
  bool elsewhere = false;

  // METHOD/PRESET: `experiment` is the preset's file, and what its key `experiment` composes is planned. Empty: `experiment` is one.
  std::string preset{};

  // What run.precision = "bf16" comes to on the processor (base/precision.hpp), and whether device = "auto" means the processor.
  std::string bf16_form = base::kBf16;
  bool has_card = false;
};

struct Plan {
  std::string name;
  std::vector<base::RunSpec> runs;  // dataset x method x params grid x order_seed x seed, in file order; no folders in execution
  std::vector<std::string> warnings;
  std::vector<std::string> notes;    // what data sets say of their files: which layout was found, what was passed over
  std::vector<std::string> missing;  // one sentence each: what is not there and how to get it
};

Plan make_plan(const PlanOptions& options, Catalogue& catalogue);

// Options for `run METHOD/PRESET`: the experiment that the preset names, with this method and preset in place of its [[method]] entries.
PlanOptions preset_options(const std::string& method_and_preset, PlanOptions options);

// What a preset and parameters over it come to, for one who compares with a run and starts none.
struct MethodChoice {
  base::toml::Place place;
  std::string preset;  // empty: none
  base::toml::Table params;
  std::string train_transform;  // empty: the preset's
};
struct MethodSettings {
  base::Json params;  // every parameter with its value, but those at their neutral value
  std::string train_transform;
};
MethodSettings method_settings(const MethodChoice& choice, const std::filesystem::path& share, const base::MethodInfo& info);

// Task sizes of "B0-Inc10" and "B50-Inc5": first m classes (B0: n), then n each, the remainder last (methods: representation 2.1).
// The Error begins with `where` (a place, or empty).
std::vector<int64_t> task_sizes(const std::string& split, int64_t class_count, const std::string& where);

// The name of a split that was given as a list: "B50-Inc25" where that means the same stream, so that it has the same key; else
// "[50, 20, 30]", or how many sizes there are.
std::string split_name(const std::vector<int64_t>& sizes);

}  // namespace clb::plan
