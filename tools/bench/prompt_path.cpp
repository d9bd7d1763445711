#include "prompt_path.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <clb/nn/vit.hpp>
#include <clb/session/predict.hpp>
#include <numeric>

#include "workload.hpp"

namespace clb::bench {
namespace {

base::RunSpec training_spec(const PathOptions& o, const base::DatasetInfo& dataset) {
  base::RunSpec spec = spec_of("prompt_bench", o.weights, dataset, kTasks, o.size);
  spec.dataset.train_per_class = o.train_images * kTasks / dataset.class_count;
  auto& train = spec.method.train_transform;
  train.resize = 0;
  train.random_resized_crop = o.size;
  train.flip = 0.5;
  spec.precision = o.precision;
  spec.execution.cache_dir = o.cache;
  return spec;
}

// A method's defaults, but one epoch (or none), plain Adam or AdamW with one rate, and of VQ-Prompt the part without replay.
base::Json params_of(const base::MethodInfo& method, int64_t batch, int64_t epochs) {
  const base::Json wanted{{"epochs", epochs}, {"batch_size", batch},   {"lr", 1e-3}, {"schedule", "constant"}, {"held_cosine", false},
                          {"ca_epochs", 0},   {"prompt_lr_scale", 1.0}};
  base::Json params = base::Json::object();
  for (const base::ParamInfo& p : method.params) params[p.name] = wanted.contains(p.name) ? wanted[p.name] : p.default_value;
  return params;
}

}  // namespace

Plugin::Plugin(const std::string& file) : info(session::method_info(file)), table(session::load_method_table(file)) {}

Path::Path(const PathOptions& options, const base::DatasetInfo& dataset)
    : emitter_(open("/dev/null", O_WRONLY)), session_(training_spec(options, dataset), torch::kCPU, "prompt_bench", emitter_, spans_) {
  session_.complete.emplace("main:cls", data::Split::kTest);  // so that nobody asks for those of all test images
}

void Path::begin(const Plugin& plugin, int64_t batch, int64_t epochs) {
  session_.spec.method.params = params_of(plugin.info, batch, epochs);
  session_.metrics.clear();
  learner_.reset();
  learner_.emplace(session_, plugin.table).create();
}

std::string Path::state() {
  std::string bytes;
  learner_->method().save([&](std::string_view some) { bytes += some; });
  return bytes;
}

double Path::last(const std::string& metric) const {
  const auto named = [&](const base::Metric& m) { return m.name == metric; };
  return std::find_if(session_.metrics.rbegin(), session_.metrics.rend(), named)->value;
}

torch::Tensor Path::predict(const std::vector<int64_t>& ids) {
  std::vector<int64_t> order(ids.size());
  std::iota(order.begin(), order.end(), 0);
  return session::predict(session_, learner_->method(),
                          {.split = data::Split::kTest, .samples = ids, .order = order, .batch_size = kEvalBatch, .task_ids = {}});
}

torch::Tensor Path::test_images(const std::vector<int64_t>& ids) {
  std::vector<data::ImageRequest> requests;
  for (const int64_t id : ids) requests.push_back({data::Split::kTest, id, 0});
  return session_.views.at("", false).batch(requests).clone();
}

std::vector<Batch> Path::batches(int64_t batch, int64_t stream) {
  session::Host host(session_);
  session_.task = 0;
  session_.streams_opened = stream;
  std::vector<Batch> all;
  for (const Batch& b : StreamRequest(host.table(), CLB_SOURCE_TRAIN).train_view().images().shuffled().batches(batch)) all.push_back(b);
  return all;
}

std::pair<nn::TensorMap, int64_t> Path::network() {
  nn::Vit vit(nn::read_safetensors(session_.backbones.at("main").bytes(), "weights"),
              {.image = session_.spec.protocol.eval_transform.resize});
  nn::TensorMap weights;
  vit.parameters([&](const std::string& name, torch::Tensor& t) { weights[name] = t; });
  return {weights, vit.shape().heads};
}

}  // namespace clb::bench
