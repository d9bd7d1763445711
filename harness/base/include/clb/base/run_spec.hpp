// One run, completely resolved: what `clbench run --dry-run --json` prints and `clb-runner run FILE.json` takes. The plan writes it, the
// session executes it, the store keeps it. Nothing in it has to be looked up again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <clb/base/json.hpp>
#include <clb/base/recipe.hpp>

namespace clb::base {

struct RandomWeights {  // an untrained ViT, drawn from `seed`
  int64_t image = 32, patch = 4, dim = 64, depth = 4, heads = 2, seed = 0;
  Json to_json() const;
  bool operator==(const RandomWeights&) const = default;
};

struct WeightsSpec {
  std::string role;    // "main"
  std::string file;    // empty: random
  std::string sha256;  // of the file; of the canonical JSON of `random` when there is no file
  RandomWeights random;
  bool pos_antialias = true;        // position interpolation: true = antialias, a = -0.5 (timm >= 0.9); false = a = -0.75 (timm 0.6.12)
  int64_t heads = 0;                // attention heads; 0: dim / 64 (random weights know theirs)
  std::string format = "timm_vit";  // of the file: see network_format.hpp
  int64_t text_heads = 0;           // of the text tower; 0: width / 64
  std::string vocabulary{};         // of a method with a text tower: SHA-256 of the file that the tower's tokeniser reads; else empty
  // How the images of this role are made, where not as the transforms of protocol and method say: other statistics, another geometry.
  std::optional<TransformRecipe> eval_transform{}, train_transform{};
};

struct MethodSpec {
  std::string id, file, preset;
  Json params;                // parameters with their values, defaults included; one that is absent has its neutral value
  uint64_t capabilities = 0;  // of the plugin and implied by parameter values
  TransformRecipe train_transform;
};

struct DatasetSpec {
  std::string id, file, root, fingerprint;
  std::string modality = "images";  // images | features: vectors, served as main:cls without weights or transforms
  int64_t class_count = 0;
  int64_t feature_dim = 0;                          // of features
  int64_t train_per_class = 0, test_per_class = 0;  // first k of each class in index order; 0: all
  Json params = Json::object();                     // of the plugin, as MethodSpec.params
  // Data sets one after the other, taken as one: their classes follow one another, each is a domain. Parts are no sequences; the sequence
  // has no file and no root, and its fingerprint is sequence_fingerprint(). A subset that differs between them stands in the parts.
  std::vector<DatasetSpec> sequence;

  // The data sets that are opened: the sequence, or this one alone. Valid as long as this.
  std::span<const DatasetSpec> parts() const { return sequence.empty() ? std::span(this, 1) : std::span(sequence); }
};

// What a run with a text tower is told of the classes (clb/ext/text.h); empty for any other.
struct TextSpec {
  std::vector<std::string> names;      // by original class id, as people read them
  std::vector<std::string> templates;  // "a photo of a {}."
};

// SHA-256 in hex over the fingerprints of the parts in order, each with the subset that is its own.
std::string sequence_fingerprint(const std::vector<DatasetSpec>& parts);
// SHA-256 in hex over what decides the images of a data set that is an asset: fingerprint and subset of its training split.
std::string asset_fingerprint(const DatasetSpec& dataset);
// One hash for the files of all plugins that a run reads data through: of a single data set its file's.
std::string dataset_hash(const DatasetSpec& dataset, const std::function<std::string(const std::string& file)>& hash_of);

struct ProtocolSpec {
  std::string kind = "class";  // class | domain | task
  std::string split;           // "B0-Inc10"; "domains"; "datasets"; a list of sizes: "[50, 20, 30]"
  std::string order;           // "pilot", "numpy(7)", "python(3)", "identity", "official:NAME", "list", "seed"
  int64_t order_seed = 0;
  std::vector<int64_t> class_order;    // position -> original class id
  std::vector<int64_t> domain_order;   // of a domain-incremental stream: task -> original domain id; else empty
  std::vector<int64_t> domain_subset;  // of a domain-incremental stream: the domains in it, ascending; empty: all that the data set has
  std::vector<int64_t> task_sizes;     // classes of each task of the whole stream; of a domain-incremental one each time all
  int64_t stop_after = 0;              // run the first k tasks; 0: all
  bool joint = false;                  // ONE task that trains the first stop_after parts at once: an upper bound
  std::string eval_on = "seen";        // domains evaluated after a task: seen | all | fixed (the whole test split as one group)
  bool eval_unseen = false;            // also the classes of tasks to come are evaluated, by methods that can name them
  TransformRecipe eval_transform;
  std::string test_batches = "shuffled";  // shuffled | class_sorted
  int64_t test_batch_size = 64;
  std::string evaluate_on = "test";  // test | validation
  double validation_fraction = 0.1;  // of each class of the training split

  // Whether a method may be told the task of each test sample: in a stream of domains if it says that it needs it.
  bool can_tell_tasks() const { return kind == "task" || (kind == "domain" && eval_on != "fixed"); }
};

struct ExecutionSpec {    // how, not what: changes no result, so no part of the key
  std::string cache_dir;  // empty: cache off
  std::string run_dir;    // folder of this attempt: log, lock, checkpoints
  int64_t loader_threads = 1;
  int64_t store_limit = 4'000'000'000;  // bytes; above it the index alone is kept, and samples are decoded on the fly
  bool keep_logits = false;             // <run_dir>/logits-TASK.f32: what the logit hash is over (base/event.hpp); tools/gpu_check.sh
  // `clbench evaluate`: nothing is trained; the state in this checkpoint, which the run with this key wrote, is evaluated once.
  std::string state_file, state_run;
  // SHA-256 of the files that the run was planned with; empty: any. A runner that finds others fails.
  std::string method_hash, dataset_hash, runner_hash;
  std::vector<std::string> method_sources;              // further files whose contents method_hash covers
  std::map<std::string, std::string> asset_files;       // where the assets lie, by name
  std::map<std::string, DatasetSpec> asset_datasets;    // those assets that are data sets: an auxiliary stream of their images
  std::map<std::string, std::string> vocabulary_files;  // where the vocabularies of text towers lie, by role
  // A second look will follow (base/second_look.hpp): what it needs is kept, also when `checkpoint` is off.
  bool second_look = false;
};

struct RunSpec {
  // Form of what the keys hash. 0: of the first specs that were stored (run_spec_upgrade.cpp), whose keys stay as they are.
  int64_t key_form = 1;
  std::string experiment;
  MethodSpec method;
  DatasetSpec dataset;
  std::vector<WeightsSpec> weights;
  // What the method declares and the experiment names: SHA-256 of the file, or asset_fingerprint() of the data set.
  std::map<std::string, std::string> assets;
  TextSpec text;
  ProtocolSpec protocol;
  int64_t seed = 0;
  std::string precision = "fp32";  // fp32 | tf32 | bf16 | bf16_weights: precision.hpp
  std::string device = "auto";     // auto | cpu | cuda | cuda:N
  int64_t threads = 0;             // fixed when the run is planned
  std::string checkpoint = "every";
  std::string track = "common";
  ExecutionSpec execution;

  // Members that have their neutral value are left out (base/neutral.hpp); "version" is the lowest whose readers know what is left.
  Json to_json() const;
  // Checks every member of upgrade(json); Error names it. An absent member that has a neutral value takes it.
  static RunSpec from_json(const Json& json, const std::string& where);
  // Lifts every shape that was ever stored to today's, by its version; today's comes back as it is, and so does what is no spec.
  static Json upgrade(Json json);
  // As the store keeps it: of `execution` only where assets and vocabularies lie, which evaluation and resumption open again. What was not
  // kept gets its defaults.
  Json to_stored() const;
  static RunSpec from_stored(Json json, const std::string& where);

  // What the content key hashes: method id and parameters, train transform, dataset fingerprint and subset, weights, protocol, seed,
  // precision, device, threads; neither paths nor `execution`, and no member or parameter at its neutral value.
  Json key_json() const;
  std::string key() const;  // SHA-256 of canonical(key_json()) in hex
  // Fingerprint + protocol (split, order kind, subset, evaluation transform, test batching, evaluated split) + weights: rows with different
  // comparability keys never share a table. No seeds and no class order of one order_seed.
  Json comparability_json() const;
};

}  // namespace clb::base
