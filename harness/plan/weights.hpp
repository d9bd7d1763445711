// [weights.ROLE]: a name of a weight file, a safetensors file with its SHA-256, or an untrained ViT of given shape.
#pragma once

#include <clb/base/network_format.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/plan/catalogue.hpp>
#include <clb/plan/plan.hpp>
#include <clb/weights/known.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "toml.hpp"

namespace clb::plan {

struct WeightsEntry {
  base::WeightsSpec spec;
  std::optional<base::VitShape> shape;  // nothing: the file is not there, or holds no plain ViT
  Place place;
  std::filesystem::path vocabulary{};               // of its text tower's tokeniser; empty: CLIP's own
  std::optional<weights::Preprocess> preprocess{};  // what is known of the file, of roles but main, for which the recipe speaks
};

// The weights of an experiment by role. A role's file is looked for, opened and hashed when it is first asked for, once: what no method
// opens may be missing or damaged.
class WeightsSection {
 public:
  // What is missing goes to plan.missing where options.missing_ok, else it is an Error.
  WeightsSection(const Node& root, std::filesystem::path experiment_folder, const PlanOptions& options, Catalogue& catalogue, Plan& plan);

  bool empty() const { return !table_; }
  const Entry& first() const { return table_->entries().front(); }
  bool has(const std::string& role) const { return table_ && table_->find(role); }

  // The role must be there. A file must exist, hold a network that can be loaded and have the digest that its name or the experiment gives;
  // when neither does, the Error prints the digest to write down.
  const WeightsEntry& at(const std::string& role);

 private:
  const Table* table_ = nullptr;  // not empty
  std::filesystem::path folder_;
  const PlanOptions& options_;
  Catalogue& catalogue_;
  Plan& plan_;
  std::map<std::string, WeightsEntry> read_;
};

// The weights as a run gets them, on a data set and under the method's transform `train` and the protocol's `eval`: a role with statistics
// or a geometry of its own gets transforms of its own.
base::WeightsSpec resolve_weights(const WeightsEntry& entry, const base::TransformRecipe& train, const base::TransformRecipe& eval,
                                  const std::string& dataset_id, const std::filesystem::path& recipes);

}  // namespace clb::plan
