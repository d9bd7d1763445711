// Training and evaluation of the prompt methods through their plugins and the session's data path (decoded store, transforms on a loader
// thread, features from the cache) against the same mathematics in bare LibTorch (bare_prompts.hpp) over tensors that are already
// transformed: same weights, prompts, images, batches and threads. Rounds alternate, so that all sides see the same machine; medians are
// printed.
//
//   prompt_bench WEIGHTS.safetensors DATASET.so DATASET_ROOT CACHE_DIR METHODS_DIR [OPTION=VALUE ...]
//
// images = 160 (of training in a round, a multiple of 10), eval_images = 256 (of evaluation, a multiple of 32), rounds = 5, batch = 16 (of
// training), size = 224 (pixels), threads = 0 (as LibTorch has it), methods = l2p,dualprompt,coda_prompt,vq_prompt.
#include <ATen/Parallel.h>
#include <c10/core/Allocator.h>
#include <clb/metrics.h>
#include <fcntl.h>
#include <torch/optim.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <clb/base/sha256.hpp>
#include <clb/nn/vit.hpp>
#include <clb/sdk/context.hpp>
#include <clb/session/describe.hpp>
#include <clb/session/learner.hpp>
#include <clb/session/predict.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <optional>

#include "bare_prompts.hpp"

namespace {

using namespace clb;
using bench::BareMethod;
using bench::BareVit;
using bench::Tensor;
using Clock = std::chrono::steady_clock;

constexpr int64_t kTasks = 10, kEvalBatch = 64;

struct Options {
  std::string weights, dataset, root, cache, methods_dir;
  std::map<std::string, int64_t> numbers{{"images", 160}, {"eval_images", 256}, {"rounds", 5},
                                         {"batch", 16},   {"size", 224},        {"threads", 0}};
  std::vector<std::string> methods{"l2p", "dualprompt", "coda_prompt", "vq_prompt"};
  int64_t operator[](const std::string& name) const { return numbers.at(name); }
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Bytes of tensors that the thread has made, and not freed, since.
class AliveBytes final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device) override { bytes_ += size; }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t bytes() const { return bytes_; }

 private:
  std::atomic<int64_t> bytes_ = 0;
};

base::RunSpec spec_of(const Options& o, const base::DatasetInfo& dataset, const std::string& precision, int64_t train_images) {
  base::RunSpec spec;
  spec.experiment = "prompt_bench";
  spec.dataset.id = dataset.id;
  spec.dataset.file = dataset.file;
  spec.dataset.root = dataset.root;
  spec.dataset.fingerprint = dataset.fingerprint;
  spec.dataset.class_count = dataset.class_count;
  spec.dataset.train_per_class = train_images * kTasks / dataset.class_count;
  spec.weights.push_back({.role = "main", .file = o.weights, .sha256 = base::hex(base::sha256_file(o.weights)), .random = {}});
  for (int64_t c = 0; c < dataset.class_count; ++c) spec.protocol.class_order.push_back(c);
  spec.protocol.task_sizes.assign(kTasks, dataset.class_count / kTasks);
  auto& eval = spec.protocol.eval_transform;
  eval.name = "prompt_bench";
  eval.resize = o["size"];
  eval.mean = {0.485, 0.456, 0.406};
  eval.std = {0.229, 0.224, 0.225};
  auto& train = spec.method.train_transform = eval;
  train.resize = 0;
  train.random_resized_crop = o["size"];
  train.flip = 0.5;
  spec.precision = precision;
  spec.threads = at::get_num_threads();
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

// A session in which plugins learn the first task and predict test images.
class Path {
 public:
  Path(const Options& o, const base::DatasetInfo& dataset, const std::string& precision, int64_t train_images)
      : emitter_(open("/dev/null", O_WRONLY)),
        images_(train_images),
        session_(spec_of(o, dataset, precision, train_images), torch::kCPU, "prompt_bench", emitter_, spans_) {
    session_.complete.emplace("main:cls", data::Split::kTest);  // of the samples that are asked for, not of all
  }

  // Images per second of the task. What is kept of it is another number of bytes.
  double learn(const base::MethodInfo& method, const clb_method& table, int64_t batch, int64_t epochs, int64_t* kept = nullptr) {
    session_.spec.method.params = params_of(method, batch, epochs);
    session_.metrics.clear();
    learner_.reset();
    learner_.emplace(session_, table).create();
    const auto alive = std::make_shared<AliveBytes>();
    std::optional<c10::DebugInfoGuard> watch;
    if (kept != nullptr) watch.emplace(c10::DebugInfoKind::PROFILER_STATE, alive);
    const auto start = Clock::now();
    learner_->learn(0);
    const double seconds = seconds_since(start);
    if (kept != nullptr) *kept = alive->bytes();
    return static_cast<double>(images_) / seconds;
  }
  std::string state() {
    std::string bytes;
    learner_->method().save([&](std::string_view some) { bytes += some; });
    return bytes;
  }
  double last(const char* metric) const {
    const auto named = [&](const base::Metric& m) { return m.name == metric; };
    return std::find_if(session_.metrics.rbegin(), session_.metrics.rend(), named)->value;
  }

  Tensor predict(const std::vector<int64_t>& ids) {
    std::vector<int64_t> order(ids.size());
    std::iota(order.begin(), order.end(), 0);
    return session::predict(session_, learner_->method(),
                            {.split = data::Split::kTest, .samples = ids, .order = order, .batch_size = kEvalBatch, .task_ids = {}});
  }
  void compute_queries(const std::vector<int64_t>& ids) { session_.features.ensure("main:cls", data::Split::kTest, ids); }
  Tensor queries(const std::vector<int64_t>& ids) { return session_.features.gather("main:cls", data::Split::kTest, ids); }
  Tensor test_images(const std::vector<int64_t>& ids) {
    std::vector<data::ImageRequest> requests;
    for (const int64_t id : ids) requests.push_back({data::Split::kTest, id, 0});
    return session_.views.at("", false).batch(requests).clone();
  }

  // The batches that the `stream`-th stream of the task serves in an epoch of training.
  std::vector<Batch> batches(int64_t batch, int64_t stream) {
    session::Host host(session_);
    session_.task = 0;
    session_.streams_opened = stream;
    std::vector<Batch> all;
    for (const Batch& b : StreamRequest(host.table(), CLB_SOURCE_TRAIN).train_view().images().shuffled().batches(batch)) all.push_back(b);
    return all;
  }
  BareVit bare_vit(int64_t size) {
    const auto bytes = session_.backbones.at("main").bytes();
    nn::Vit vit(nn::read_safetensors(bytes, "weights"), {.image = size});
    std::map<std::string, Tensor> weights;
    vit.parameters([&](const std::string& name, Tensor& t) { weights[name] = t; });
    return {weights, vit.shape().heads};
  }

 private:
  session::Emitter emitter_;
  base::Spans spans_;
  int64_t images_;
  session::Session session_;
  std::optional<session::Learner> learner_;
};

// The plugin's prompts and head after `state`.
std::unique_ptr<BareMethod> read_bare(const std::string& name, const BareVit& vit, const std::string& state) {
  struct Source {
    const std::string& bytes;
    size_t at = 0;
  } source{state};
  const clb_reader reader{sizeof reader, 0, &source, [](void* self, void* to, uint64_t count, uint64_t* got) -> clb_status {
                            auto& s = *static_cast<Source*>(self);
                            *got = std::min<uint64_t>(count, s.bytes.size() - s.at);
                            std::memcpy(to, s.bytes.data() + s.at, *got);
                            s.at += *got;
                            return CLB_OK;
                          }};
  auto method = bench::bare_method(name, vit);
  if (!method) throw base::Error("there is no bare loop for the method " + name);
  auto archive = Archive::loading(reader, torch::kCPU);
  method->read(archive);
  return method;
}

std::vector<double> train(const BareMethod& method, const std::vector<Batch>& batches, bool decoupled) {
  std::unique_ptr<torch::optim::Optimizer> optimizer;
  if (decoupled)
    optimizer = std::make_unique<torch::optim::AdamW>(method.trained(), torch::optim::AdamWOptions(1e-3).weight_decay(0));
  else
    optimizer = std::make_unique<torch::optim::Adam>(method.trained(), torch::optim::AdamOptions(1e-3));
  std::vector<double> losses;
  for (const Batch& b : batches) {
    optimizer->zero_grad();
    const Tensor loss = method.loss(b.images, b.labels);
    loss.backward();
    optimizer->step();
    losses.push_back(loss.item<double>());
  }
  return losses;
}

Tensor predict(const BareMethod& method, const Tensor& images, const Tensor& queries) {
  const c10::InferenceMode inference;
  std::vector<Tensor> logits;
  for (int64_t k = 0; k < images.size(0); k += kEvalBatch)
    logits.push_back(method.logits(images.slice(0, k, k + kEvalBatch), queries.slice(0, k, k + kEvalBatch)));
  return at::cat(logits);
}

double apart(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

class Bench {
 public:
  Bench(const Options& o, const base::DatasetInfo& dataset)
      : o_(o),
        one_update_(o, dataset, "fp32", 2 * kTasks),
        fp32_(o, dataset, "fp32", o["images"]),
        bf16_(o, dataset, "bf16", o["images"]),
        vit_(fp32_.bare_vit(o["size"])) {}

  void method(const std::string& name) {
    file_ = o_.methods_dir + "/" + name + ".so";
    info_ = session::method_info(file_);
    table_ = session::load_method_table(file_);
    name_ = name;
    check_equal();
    learn();
    evaluate();
    std::fflush(stdout);
  }

 private:
  // VQ-Prompt first asks for the length of the stream.
  int64_t stream() const { return name_ == "vq_prompt" ? 1 : 0; }
  bool decoupled() const { return name_ == "vq_prompt"; }
  double learn(Path& path, int64_t epochs = 1) { return path.learn(info_, table_, o_["batch"], epochs); }

  std::vector<int64_t> next_test_images(int64_t count) {
    std::vector<int64_t> ids(static_cast<size_t>(count));
    std::iota(ids.begin(), ids.end(), used_);
    used_ += count;
    return ids;
  }

  // One update on 20 images: its loss, and logits before and behind it. What training keeps is too little for gradients of the network.
  void check_equal() {
    const auto ids = next_test_images(kEvalBatch);
    one_update_.compute_queries(ids);
    const Tensor images = one_update_.test_images(ids), queries = one_update_.queries(ids);
    const auto batches = one_update_.batches(2 * kTasks, stream());
    one_update_.learn(info_, table_, 2 * kTasks, 0);
    const auto bare = read_bare(name_, vit_, one_update_.state());
    const double before = apart(one_update_.predict(ids), predict(*bare, images, queries));
    int64_t kept = 0;
    one_update_.learn(info_, table_, 2 * kTasks, 1, &kept);
    const double loss = train(*bare, batches, decoupled())[0];
    const double behind = apart(one_update_.predict(ids), predict(*bare, images, queries));
    std::printf("%s: differences of loss %.1e, logits before the update %.1e, behind it %.1e\n", name_.c_str(),
                std::abs(loss - one_update_.last(CLB_METRIC_LOSS)), before, behind);
    int64_t trained = 0;
    for (const Tensor& t : bare->trained()) trained += static_cast<int64_t>(t.nbytes());
    std::printf("%s: %.3f MB of tensors are left of training; trained are %.3f MB, gradients of the frozen network would be %.3f MB more\n",
                name_.c_str(), static_cast<double>(kept) / 1e6, static_cast<double>(trained) / 1e6,
                static_cast<double>(vit_.bytes()) / 1e6);
  }

  void learn() {
    learn(fp32_, 0);
    const std::string start = fp32_.state();
    const auto batches = fp32_.batches(o_["batch"], stream());
    std::vector<double> bare, fp32, bf16;
    for (int64_t round = 0; round < o_["rounds"]; ++round) {
      const auto method = read_bare(name_, vit_, start);
      const auto begin = Clock::now();
      train(*method, batches, decoupled());
      bare.push_back(static_cast<double>(o_["images"]) / seconds_since(begin));
      fp32.push_back(learn(fp32_));
      bf16.push_back(learn(bf16_));
    }
    report("training", bare, fp32, bf16);
  }

  void evaluate() {
    const auto bare_method = read_bare(name_, vit_, fp32_.state());
    const int64_t n = o_["eval_images"];
    std::vector<double> bare, fp32, bf16, uncached;
    const auto timed = [n](std::vector<double>& rates, auto&& work) {
      const auto begin = Clock::now();
      work();
      rates.push_back(static_cast<double>(n) / seconds_since(begin));
    };
    for (int64_t round = 0; round < o_["rounds"]; ++round) {
      const auto ids = next_test_images(n);
      timed(uncached, [&] {
        fp32_.compute_queries(ids);
        fp32_.predict(ids);
      });
      timed(fp32, [&] { fp32_.predict(ids); });
      const Tensor images = fp32_.test_images(ids), queries = fp32_.queries(ids);
      timed(bare, [&] { predict(*bare_method, images, queries); });
      bf16_.compute_queries(ids);
      timed(bf16, [&] { bf16_.predict(ids); });
    }
    report("evaluation", bare, fp32, bf16);
    std::printf("%s, evaluation: queries computed %.1f images/s, from the cache / computed %.2f\n", name_.c_str(), median(uncached),
                ratio(fp32, uncached));
  }

  static double ratio(const std::vector<double>& a, const std::vector<double>& b) {  // the median over rounds, whose sides are neighbours
    std::vector<double> ratios;
    for (size_t k = 0; k < a.size(); ++k) ratios.push_back(a[k] / b[k]);
    return median(ratios);
  }
  void report(const char* what, const std::vector<double>& bare, const std::vector<double>& fp32, const std::vector<double>& bf16) const {
    std::printf("%s, %s: bare loop %.1f images/s, plugin %.1f images/s, in bf16 %.1f images/s; plugin / bare %.3f, bf16 / fp32 %.2f\n",
                name_.c_str(), what, median(bare), median(fp32), median(bf16), ratio(fp32, bare), ratio(bf16, fp32));
  }

  const Options& o_;
  Path one_update_, fp32_, bf16_;
  BareVit vit_;
  int64_t used_ = 0;  // test images whose features may be in the cache
  std::string name_, file_;
  base::MethodInfo info_;
  clb_method table_{};
};

std::optional<Options> options_of(int argc, char** argv) {
  if (argc < 6) return std::nullopt;
  Options o{.weights = argv[1], .dataset = argv[2], .root = argv[3], .cache = argv[4], .methods_dir = argv[5]};
  for (int k = 6; k < argc; ++k) {
    const std::string text = argv[k], name = text.substr(0, text.find('=')), value = text.substr(std::min(text.size(), name.size() + 1));
    if (name == "methods") {
      o.methods.clear();
      for (size_t at = 0; at < value.size(); at = std::min(value.size(), value.find(',', at)) + 1)
        o.methods.push_back(value.substr(at, value.find(',', at) - at));
    } else if (o.numbers.contains(name)) {
      o.numbers[name] = std::atoll(value.c_str());
    } else {
      return std::nullopt;
    }
  }
  return o;
}

}  // namespace

int main(int argc, char** argv) try {
  const auto options = options_of(argc, argv);
  if (!options) {
    std::fputs("prompt_bench WEIGHTS.safetensors DATASET.so DATASET_ROOT CACHE_DIR METHODS_DIR [OPTION=VALUE ...]\n", stderr);
    return 2;
  }
  const Options& o = *options;
  const base::fs::path features = base::fs::path(o.cache) / "features";
  if (base::fs::exists(features)) {  // which the bench removes
    std::fprintf(stderr, "prompt_bench: %s holds features already; give a cache of the bench's own\n", o.cache.c_str());
    return 2;
  }
  session::configure(torch::kCPU, "fp32", o["threads"] > 0 ? o["threads"] : at::get_num_threads());
  const auto described = session::describe({.file = o.dataset, .open = true, .root = o.root, .cache_dir = o.cache});
  const auto dataset = base::DatasetInfo::from_json(described, o.dataset);
  const auto cpu = session::processor();
  std::printf(
      "%s, %d threads, flags: %s; %ld pixels; training: %ld images a round in batches of %ld; evaluation: %ld in batches of %ld; "
      "medians of %ld rounds\n",
      cpu.model.c_str(), at::get_num_threads(), cpu.flags.c_str(), static_cast<long>(o["size"]), static_cast<long>(o["images"]),
      static_cast<long>(o["batch"]), static_cast<long>(o["eval_images"]), static_cast<long>(kEvalBatch), static_cast<long>(o["rounds"]));
  Bench bench(o, dataset);
  for (const std::string& name : o.methods) bench.method(name);
  std::fflush(stdout);
  base::fs::remove_all(features);  // all of them are the bench's own, see above
  _exit(0);
} catch (const std::exception& e) {
  std::fprintf(stderr, "prompt_bench: %s\n", e.what());
  return 1;
}
