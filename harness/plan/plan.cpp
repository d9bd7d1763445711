// The assembly: sections of an experiment, each read and checked by its own file, multiplied into runs.
#include <fmt/format.h>

#include <clb/meta.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/precision.hpp>
#include <clb/plan/plan.hpp>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include "assets.hpp"
#include "compose.hpp"
#include "files.hpp"
#include "limits.hpp"
#include "network_fit.hpp"
#include "overrides.hpp"
#include "presets.hpp"
#include "protocol.hpp"
#include "recipes.hpp"
#include "schema.hpp"
#include "sections.hpp"
#include "toml.hpp"
#include "weights.hpp"

namespace clb::plan {
namespace {

namespace fs = std::filesystem;

struct Experiment {
  std::vector<DatasetEntry> datasets;
  std::optional<WeightsSection> weights;
  std::vector<AssetEntry> assets;
  ProtocolSection protocol;
  RunSection run;
  std::vector<MethodEntry> methods;
};

// Not a file but something that can be read once: <(...), /dev/stdin.
bool is_stream(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  return type == fs::file_type::fifo || type == fs::file_type::character || type == fs::file_type::socket;
}

std::string read_stream(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (text.size() > kMaxTomlBytes) throw base::Error(fmt::format("{}: has more than {} bytes", path.string(), kMaxTomlBytes));
  if (text.empty()) throw base::Error(fmt::format("{}: no experiment came out of it", path.string()));
  return text;
}

Node parse_experiment(const PlanOptions& options) {
  if (!options.preset.empty()) return composed_experiment(options);
  if (is_stream(options.experiment)) return parse_toml(read_stream(options.experiment), options.experiment.string());
  if (std::error_code error; fs::is_directory(options.experiment, error))
    throw base::Error(fmt::format("{}: is a folder; name an experiment file in it", options.experiment.string()));
  if (!is_file(options.experiment))
    throw base::Error(fmt::format("{}: no such experiment file{}", options.experiment.string(),
                                  suggestion(options.experiment.stem().string(), toml_stems(options.share / "experiments"),
                                             fmt::format("experiments in {}", (options.share / "experiments").string()))));
  return parse_toml(base::read_file(options.experiment, kMaxTomlBytes), options.experiment.string());
}

// Values of parameters may claim more than the method as such.
uint64_t claims(const MethodEntry& method, const ParamSet& params) { return method.info.capabilities | params.capabilities; }

// What the method claims against what the protocol and the precision allow.
void check_claims(const MethodEntry& method, const ParamSet& params, const Experiment& experiment) {
  const uint64_t claimed = claims(method, params);
  const base::ProtocolSpec& protocol = experiment.protocol.spec;
  if ((claimed & CLB_CAP_TASK_ID_TEST) && !protocol.can_tell_tasks())
    fail(method.place,
         fmt::format("method {} needs the task id of every test sample, which protocol.kind = \"{}\" does not give; \"task\" does",
                     method.info.id, protocol.kind));
  if (protocol.eval_unseen && !method.joint.value_or(protocol.joint) && !(claimed & CLB_CAP_ZERO_SHOT))
    fail(experiment.protocol.unseen_place,
         fmt::format(
             "method {} cannot name classes that it has not learned (it does not claim zero-shot), which protocol.eval_unseen needs; "
             "leave eval_unseen out, or choose a method that can",
             method.info.id));
  if (base::keeps_bf16(experiment.run.spec.precision) && !(claimed & CLB_CAP_BF16))
    fail(experiment.run.precision_place, fmt::format("method {} does not support precision bf16; use fp32 or tf32", method.info.id));
}

bool has_images(const DatasetEntry& dataset) { return dataset.info.modality != "features"; }

// The parameter with which the method looks at no images.
std::string frozen_by(const base::MethodInfo& method) {
  for (const base::ParamInfo& param : method.params)
    if (param.implies & CLB_CAP_FROZEN_FEATURES) return fmt::format(" or set {} = {}", param.name, param.implied_when.dump());
  return "";
}

// Vectors are served as they are: weights, transforms and methods that look at images have no part in them.
void check_features(const Experiment& experiment, const std::string& dataset) {
  if (!experiment.weights->empty())
    fail(experiment.weights->first().key_place,
         fmt::format("dataset {} holds feature vectors, which need no weights; remove [weights.{}], and run datasets of images in an "
                     "experiment of their own",
                     dataset, experiment.weights->first().key));
  if (experiment.protocol.eval_transform)
    fail(experiment.protocol.eval_transform->place,
         fmt::format("protocol.eval_transform: dataset {} holds feature vectors, which are not transformed; remove it", dataset));
  for (const MethodEntry& method : experiment.methods)
    for (const ParamSet& params : method.grid)
      if (!(claims(method, params) & CLB_CAP_FROZEN_FEATURES))
        fail(method.place, fmt::format("method {} needs images, but dataset {} holds feature vectors; choose a method on frozen features{}",
                                       method.info.id, dataset, frozen_by(method.info)));
}

[[noreturn]] void refuse_missing_role(const std::string& role, const MethodEntry& method, const std::string& dataset, const Node& root) {
  if (role == "main")
    fail(root.place, fmt::format("the experiment needs a table [weights.main], because dataset {} holds images", dataset));
  fail(method.place,
       fmt::format("method {} opens weights of the role {}, but the experiment has no [weights.{}]; add weights.{} = \"NAME\"",
                   method.info.id, role, role, role));
}

// The roles that a method names and no others, so that weights for one method change nothing for another. "main" comes first, then the
// alphabet: neither the order in the file nor that of the method counts.
void attach_weights(Experiment& experiment, const std::string& dataset, const Node& root) {
  for (MethodEntry& method : experiment.methods) {
    std::vector<std::string> roles = method.info.roles;
    std::sort(roles.begin(), roles.end(),
              [](const std::string& a, const std::string& b) { return std::pair(a != "main", a) < std::pair(b != "main", b); });
    for (const std::string& role : roles) {
      if (!experiment.weights->has(role)) refuse_missing_role(role, method, dataset, root);
      method.weights.push_back(experiment.weights->at(role));
    }
  }
}

void check_inputs(Experiment& experiment, const Node& root) {
  const DatasetEntry* images = nullptr;
  for (const DatasetEntry& dataset : experiment.datasets) {
    if (has_images(dataset))
      images = &dataset;
    else
      check_features(experiment, dataset.info.id);
  }
  if (images) attach_weights(experiment, images->info.id, root);
  for (const DatasetEntry& dataset : experiment.datasets)
    for (const MethodEntry& method : experiment.methods)
      for (const ParamSet& params : method.grid) check_counts(method, params, !has_images(dataset));
}

base::TransformRecipe train_transform(const MethodEntry& method, const ProtocolSection& protocol, const DatasetEntry& dataset,
                                      const fs::path& recipes) {
  if (!has_images(dataset)) return {};  // also when a preset brings one
  const std::string& dataset_id = dataset.info.id;
  if (method.train_transform) return load_recipe(recipes, *method.train_transform, "method.train_transform", View::kTrain, dataset_id);
  if (protocol.eval_transform) return load_recipe(recipes, *protocol.eval_transform, "protocol.eval_transform", View::kTrain, dataset_id);
  return {};
}

base::MethodSpec method_spec(const MethodEntry& method, const ParamSet& params, base::TransformRecipe transform) {
  return {method.info.id, method.info.file, method.preset, params.kept, claims(method, params), std::move(transform)};
}

// Collects runs in order, each content key once.
class Runs {
 public:
  explicit Runs(Plan& plan) : plan_(plan) {}

  void add(base::RunSpec run) {
    if (!keys_.insert(run.key()).second) {
      ++repeated_;
      return;
    }
    plan_.runs.push_back(std::move(run));
  }

  void warn_about_repeats() const {
    if (repeated_ == 1) plan_.warnings.push_back("1 run is the same as another of this experiment and was left out");
    if (repeated_ > 1)
      plan_.warnings.push_back(fmt::format("{} runs are the same as others of this experiment and were left out", repeated_));
  }

 private:
  Plan& plan_;
  std::set<std::string> keys_;
  int64_t repeated_ = 0;
};

void check_size(const Experiment& experiment, const Node& root) {
  const size_t seeds = experiment.run.seeds.size(), orders = experiment.protocol.order_seeds.size(), datasets = experiment.datasets.size();
  size_t sets = 0;
  for (const MethodEntry& method : experiment.methods) sets += method.grid.size();
  // A file of at most 1 MiB holds fewer than 2^20 of each, so that no product of two overflows.
  const size_t inner = seeds * orders, outer = sets * datasets;
  if (inner > kMaxRuns || outer > kMaxRuns || inner * outer > kMaxRuns)
    fail(root.place, fmt::format("the experiment has more than {} runs", kMaxRuns));
}

void multiply(const Experiment& experiment, const fs::path& share, Catalogue& catalogue, Plan& plan) {
  const fs::path recipes = share / "recipes";
  Runs runs(plan);
  for (const DatasetEntry& dataset : experiment.datasets) {
    std::vector<base::ProtocolSpec> protocols;
    for (const int64_t order_seed : experiment.protocol.order_seeds)
      protocols.push_back(resolve_protocol(experiment.protocol, dataset, order_seed, recipes));
    for (const MethodEntry& method : experiment.methods) {
      const base::TransformRecipe transform = train_transform(method, experiment.protocol, dataset, recipes);
      std::vector<base::WeightsSpec> weights;
      const base::TransformRecipe& eval = protocols.front().eval_transform;
      for (const WeightsEntry& entry : method.weights) weights.push_back(resolve_weights(entry, transform, eval, dataset.info.id, recipes));
      if (has_images(dataset)) check_images(method.weights, weights, eval, experiment.protocol.eval_transform->place);
      for (const ParamSet& params : method.grid) {
        base::RunSpec run = experiment.run.spec;
        run.experiment = plan.name;
        run.dataset = dataset.spec;
        run.weights = weights;
        run.method = method_spec(method, params, transform);
        run.execution.method_sources = method.info.sources;
        attach_assets(experiment.assets, method.info, run);
        if (claims(method, params) & CLB_CAP_TEXT_TOWER) attach_text(dataset.info, method.weights, share, catalogue, run);
        for (const base::ProtocolSpec& protocol : protocols) {
          run.protocol = protocol;
          run.protocol.joint = method.joint.value_or(protocol.joint);
          for (const int64_t seed : experiment.run.seeds) {
            run.seed = seed;
            runs.add(run);
          }
        }
      }
    }
  }
  runs.warn_about_repeats();
}

Plan plan_experiment(Node root, const PlanOptions& options, Catalogue& catalogue) {
  spell_out(root);
  for (const std::string& change : options.overrides) {  // one may give a name, the next a key beside it
    apply_overrides(root, {change});
    spell_out(root);
  }
  check_experiment_keys(root);
  fill_in(root, options.share);
  // Through links: the shipped experiments are linked into the build tree and name files relative to where they really are.
  const bool stream = is_stream(options.experiment);
  const fs::path folder = stream ? fs::current_path() : fs::canonical(options.experiment).parent_path();
  Plan plan;
  plan.name = Reader(root, "").string("name", stream ? "experiment" : options.experiment.stem().string());
  Experiment experiment;
  experiment.protocol = read_protocol(root, plan.warnings);
  experiment.run = read_run(root, options);
  if (!options.elsewhere && experiment.run.spec.threads > options.cores)
    plan.warnings.push_back(
        fmt::format("run.threads = {}, but only {} cores of this machine can be used; runs are slower with more threads",
                    experiment.run.spec.threads, options.cores));
  experiment.methods = read_methods(root, options.share, catalogue);
  for (const MethodEntry& method : experiment.methods)
    for (const ParamSet& params : method.grid) check_claims(method, params, experiment);
  catalogue.expect_store_limit(experiment.run.spec.execution.store_limit);
  experiment.datasets = read_datasets(root, folder, options, catalogue, plan);
  experiment.weights.emplace(root, folder, options, catalogue, plan);
  experiment.assets = read_assets(root, folder, options, catalogue, plan);
  std::vector<const base::MethodInfo*> methods;
  for (const MethodEntry& method : experiment.methods) methods.push_back(&method.info);
  check_assets(experiment.assets, methods);
  check_inputs(experiment, root);
  check_size(experiment, root);
  multiply(experiment, options.share, catalogue, plan);
  return plan;
}

void add_once(std::vector<std::string>& sentences, const std::vector<std::string>& more) {
  for (const std::string& sentence : more)
    if (std::find(sentences.begin(), sentences.end(), sentence) == sentences.end()) sentences.push_back(sentence);
}

// An index: experiments of the same folder, which differ in more than one file can say (a split for each dataset), as one. Overrides hold
// for each of them.
Plan plan_index(const Node& root, const PlanOptions& options, Catalogue& catalogue) {
  check_keys(*root.table(), "", {"name", "experiments"});
  const Node& names = *root.table()->find("experiments");
  if (!names.list() || names.list()->empty()) fail(names.place, "experiments must be a list of at least one name");
  Plan plan;
  plan.name = Reader(root, "").string("name", options.experiment.stem().string());
  for (const Node& name : *names.list()) {
    PlanOptions one = options;
    one.experiment = options.experiment.parent_path() / (to_string(name, "each of experiments") + ".toml");
    if (!is_file(one.experiment)) fail(name.place, fmt::format("there is no experiment {}", one.experiment.string()));
    const Node experiment = parse_experiment(one);
    if (const Node* inner = experiment.table()->find("experiments")) fail(inner->place, "an index cannot name another index");
    Plan part = plan_experiment(experiment, one, catalogue);
    for (base::RunSpec& run : part.runs) {
      run.experiment = plan.name;
      plan.runs.push_back(std::move(run));
    }
    if (plan.runs.size() > kMaxRuns) fail(names.place, fmt::format("the experiments have more than {} runs", kMaxRuns));
    add_once(plan.warnings, part.warnings);
    add_once(plan.missing, part.missing);
  }
  return plan;
}

}  // namespace

Plan make_plan(const PlanOptions& given, Catalogue& catalogue) {
  PlanOptions options = given;
  if (options.weights_folders.empty()) options.weights_folders = {options.share / "weights"};
  const Node root = parse_experiment(options);
  return root.table()->find("experiments") ? plan_index(root, options, catalogue) : plan_experiment(root, options, catalogue);
}

PlanOptions preset_options(const std::string& method_and_preset, PlanOptions options) {
  const size_t slash = method_and_preset.find('/');
  if (slash == std::string::npos) throw base::Error(fmt::format("\"{}\" is no METHOD/PRESET", method_and_preset));
  const std::string method = method_and_preset.substr(0, slash), preset = method_and_preset.substr(slash + 1);
  const PresetExperiment found = preset_experiment(method, preset, options.share);
  options.experiment = found.file;
  if (found.composed) options.preset = method_and_preset;
  options.overrides.insert(options.overrides.begin(), fmt::format("method=[{{id=\"{}\",preset=\"{}\"}}]", method, preset));
  return options;
}

}  // namespace clb::plan
