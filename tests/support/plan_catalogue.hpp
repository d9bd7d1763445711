// A catalogue of constants and a good experiment on it, for tests and fuzzing of the plan.
#pragma once

#include <clb/meta.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/base/sha256.hpp>
#include <clb/base/vit_weights.hpp>
#include <clb/plan/plan.hpp>
#include <string>
#include <vector>

namespace clb::plan::testing {

// A file of weights as the plan wants them: one block, width 3, images of 32 x 32.
inline std::string tiny_vit() {
  std::map<std::string, base::TensorEntry> entries;
  uint64_t bytes = 0;
  for (const base::NamedSizes& tensor :
       base::vit_tensors({.image = 32, .patch = 16, .channels = 3, .dim = 3, .depth = 1, .heads = 3, .mlp = 4})) {
    entries[tensor.name] = {.dtype = "F32", .shape = tensor.sizes};
    uint64_t count = 4;
    for (const int64_t side : tensor.sizes) count *= static_cast<uint64_t>(side);
    bytes += count;
  }
  return base::safetensors_header(entries, {}) + std::string(bytes, '\0');
}

inline base::ParamInfo param(const std::string& name, const std::string& type, base::Json value, double min = 0, double max = 0) {
  base::ParamInfo info;
  info.name = name;
  info.type = type;
  info.default_value = std::move(value);
  info.min = min;
  info.max = max;
  return info;
}

class FakeCatalogue : public Catalogue {
 public:
  std::vector<std::string> method_ids() const override { return {"blind", "l2p", "proof", "seer", "simplecil"}; }
  std::vector<std::string> dataset_ids() const override { return {"cifar100", "fashion_mnist", "vectors"}; }

  base::MethodInfo method(const std::string& id) override {
    base::MethodInfo info;
    info.id = id;
    info.file = "/plugins/" + id + ".so";
    if (id == "simplecil") {
      info.capabilities = CLB_CAP_FROZEN_FEATURES | CLB_CAP_BF16;
      info.params = {param("scale", "float", 1, 0.01, 100), param("batch_size", "int", 1024, 1, 65536)};
    } else if (id == "l2p") {
      info.params = {param("top_k", "int", 5, 0, 64),         param("feature", "choice", "prompt_mean"),
                     param("batch_vote_test", "bool", false), param("milestones", "int_list", {3, 4}, 0, 99),
                     param("lr", "float", 0.01, 0, 10),       param("note", "string", "")};
      info.params[1].choices = {"prompt_mean", "cls"};
      info.params[1].implies = CLB_CAP_FROZEN_FEATURES;
      info.params[1].implied_when = "cls";
      info.params[2].implies = CLB_CAP_BATCH_DEPENDENT;
      info.params[2].implied_when = true;
      info.params.insert(info.params.end(), more.begin(), more.end());
    } else if (id == "proof" || id == "blind") {
      info.roles = id == "proof" ? std::vector<std::string>{"clip", "main"} : std::vector<std::string>{};
    } else {
      info.capabilities = CLB_CAP_TASK_ID_TEST;
    }
    return info;
  }

  base::DatasetInfo dataset(const std::string& id, const std::string& root) override {
    base::DatasetInfo info;
    info.id = id;
    info.file = "/plugins/" + id + ".so";
    info.root = root.empty() ? "/usr/share/" + id : root;
    if (root.empty() && id == absent) throw base::Error(info.root + ": is missing");
    info.fingerprint = "fingerprint of " + id;
    info.modality = id == "vectors" ? "features" : "images";
    info.feature_dim = id == "vectors" ? 64 : 0;
    info.class_count = id == "cifar100" ? 100 : 10;
    info.train_counts.assign(static_cast<size_t>(info.class_count), 500);
    info.test_counts.assign(static_cast<size_t>(info.class_count), id == "cifar100" ? 100 : 1000);
    info.class_names = {"apple", "fish"};
    if (id == "fashion_mnist") info.orders = {{"alphabet", {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}}, {"broken", {0, 0}}};
    if (id == "vectors") info.orders = {{"reading", {1, 0, 2, 3, 4, 5, 6, 7, 8, 9}}};
    if (id == "vectors") info.domain_names = {"photo", "sketch", "cartoon"};
    if (id == "vectors") info.domain_orders = {{"usual", {1, 2, 0}}};
    if (id == "vectors" && root.find("locked") != std::string::npos) throw base::Error(root + ": cannot be read");
    return info;
  }

  std::vector<base::ParamInfo> dataset_params(const std::string&) override { return of_data; }

  std::string file_sha256(const std::string& file) override {
    hashed.push_back(file);
    return base::hex(base::sha256_file(file));
  }

  std::vector<std::string> hashed;  // files of weights, in the order in which they were asked for

  std::string absent;                    // id of a dataset that is not at its default place
  std::vector<base::ParamInfo> of_data;  // parameters of every data set
  std::vector<base::ParamInfo> more;     // parameters that method l2p has got since
};

inline const std::string kGood = R"(name = "good"
[dataset]
id = "cifar100"
root = "cifar"
train_per_class = 40
test_per_class = 20
[weights.main]
file = "vit.safetensors"
sha256 = "d8fcc7b56c920446ada473a33c9bcf4aec28a88ff75e4786146e02b4614a89a8"
heads = 3
pos_antialias = true
[protocol]
kind = "class"
split = "B0-Inc10"
order = "pilot"
order_seed = [0]
stop_after = 5
joint = false
eval_transform = "plain"
test_batches = "shuffled"
test_batch_size = 64
evaluate_on = "test"
[run]
seed = [0, 1, 2]
precision = "fp32"
device = "auto"
threads = 2
checkpoint = "every"
track = "common"
loader_threads = 1
store_limit = 4000000000
[[method]]
id = "l2p"
preset = "small"
params = { top_k = [0, 5] }
train_transform = "crop"
)";

}  // namespace clb::plan::testing
