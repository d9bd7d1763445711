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
#include <torch/optim.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <clb/session/describe.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <numeric>
#include <optional>

#include "bare_prompts.hpp"
#include "prompt_path.hpp"
#include "workload.hpp"

namespace {

using namespace clb;
using bench::BareMethod;
using bench::BareVit;
using bench::kEvalBatch;
using bench::kTasks;
using bench::median;
using bench::Path;
using bench::Plugin;
using bench::Tensor;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string weights, dataset, root, cache, methods_dir;
  std::map<std::string, int64_t> numbers{{"images", 160}, {"eval_images", 256}, {"rounds", 5},
                                         {"batch", 16},   {"size", 224},        {"threads", 0}};
  std::vector<std::string> methods{"l2p", "dualprompt", "coda_prompt", "vq_prompt"};
  int64_t operator[](const std::string& name) const { return numbers.at(name); }
};

// Seconds of each round: as a clock on the wall has them, and of the processor, summed over threads. The second kind tells two sides apart
// where others use the machine too; with threads that wait for one another it is worth nothing.
struct Seconds {
  std::vector<double> wall, processor;

  template <class Work>
  void add(Work work) {
    const auto start = Clock::now();
    const std::clock_t begin = std::clock();
    work();
    processor.push_back(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    wall.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  double rate(int64_t images) const { return static_cast<double>(images) / median(wall); }
};

// How many times as fast as `base` something is: the median over rounds, whose sides are neighbours in time.
std::string speed_against(const Seconds& base, const Seconds& something) {
  const auto ratio = [](const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> ratios;
    for (size_t k = 0; k < a.size(); ++k) ratios.push_back(a[k] / b[k]);
    return median(ratios);
  };
  char text[64];
  std::snprintf(text, sizeof text, "%.3f (processor time %.3f)", ratio(base.wall, something.wall),
                ratio(base.processor, something.processor));
  return text;
}

// Bytes of tensors that the thread has made, and not freed, since. What it frees of other threads' (images) LibTorch warns of once.
class AliveBytes final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device) override { bytes_ += size; }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t bytes() const { return bytes_; }

 private:
  std::atomic<int64_t> bytes_ = 0;
};

template <class Work>
int64_t bytes_left_by(Work work) {
  const auto alive = std::make_shared<AliveBytes>();
  const c10::DebugInfoGuard watch(c10::DebugInfoKind::PROFILER_STATE, alive);
  work();
  return alive->bytes();
}

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

// What the processor gains by bfloat16 where there is nothing but products of matrices, of ViT-Tiny's sizes.
void report_products() {
  const torch::NoGradGuard no_grad;
  const auto seconds = [](torch::ScalarType type) {
    const Tensor x = torch::randn({32 * 197, 192}).to(type), w = torch::randn({768, 192}).to(type), b = torch::randn(768).to(type);
    Seconds all;
    for (int round = 0; round < 16; ++round) all.add([&] { (void)at::linear(x, w, b); });
    return all;
  };
  const Seconds fp32 = seconds(torch::kFloat32), bf16 = seconds(torch::kBFloat16);
  std::printf("products of matrices alone: bf16 / fp32 %s\n", speed_against(fp32, bf16).c_str());
}

class Bench {
 public:
  Bench(const Options& o, const base::DatasetInfo& dataset)
      : o_(o),
        one_update_(path_options(o, "fp32", kOneUpdate), dataset),
        fp32_(path_options(o, "fp32", o["images"]), dataset),
        bf16_(path_options(o, "bf16", o["images"]), dataset),
        vit_(std::make_from_tuple<BareVit>(fp32_.network())) {}

  void measure(const std::string& name) {
    name_ = name;
    plugin_.emplace(o_.methods_dir + "/" + name + ".so");
    check_equal();
    learn();
    evaluate();
  }

 private:
  static constexpr int64_t kOneUpdate = 2 * kTasks;  // images

  static bench::PathOptions path_options(const Options& o, const char* precision, int64_t train_images) {
    return {.weights = o.weights, .cache = o.cache, .precision = precision, .size = o["size"], .train_images = train_images};
  }

  // VQ-Prompt first asks for the length of the stream.
  int64_t stream() const { return name_ == "vq_prompt" ? 1 : 0; }
  bool decoupled() const { return name_ == "vq_prompt"; }
  void begin(Path& path, int64_t epochs = 1) { path.begin(*plugin_, o_["batch"], epochs); }

  std::vector<int64_t> next_test_images(int64_t count) {
    std::vector<int64_t> ids(static_cast<size_t>(count));
    std::iota(ids.begin(), ids.end(), used_);
    used_ += count;
    return ids;
  }

  // One update: its loss, and logits before and behind it. What training keeps is too little for gradients of the network.
  void check_equal() {
    const auto ids = next_test_images(kEvalBatch);
    one_update_.compute_queries(ids);
    const Tensor images = one_update_.test_images(ids), queries = one_update_.queries(ids);
    const auto batches = one_update_.batches(kOneUpdate, stream());
    one_update_.begin(*plugin_, kOneUpdate, 0);
    one_update_.learn();
    const auto bare = read_bare(name_, vit_, one_update_.state());
    const double before = apart(one_update_.predict(ids), predict(*bare, images, queries));
    one_update_.begin(*plugin_, kOneUpdate, 1);
    const int64_t kept = bytes_left_by([&] { one_update_.learn(); });
    const double loss = train(*bare, batches, decoupled())[0];
    const double behind = apart(one_update_.predict(ids), predict(*bare, images, queries));
    std::printf("%s: differences of loss %.1e, logits before the update %.1e, behind it %.1e\n", name_.c_str(),
                std::abs(loss - one_update_.last(CLB_METRIC_LOSS)), before, behind);
    int64_t trained = 0;
    for (const Tensor& t : bare->trained()) trained += static_cast<int64_t>(t.nbytes());
    std::printf("%s: training leaves %.3f MB of tensors; trained are %.3f MB, gradients of the frozen network would be %.3f MB more\n",
                name_.c_str(), static_cast<double>(kept) / 1e6, static_cast<double>(trained) / 1e6,
                static_cast<double>(vit_.bytes()) / 1e6);
  }

  void learn() {
    begin(fp32_, 0);
    fp32_.learn();
    const std::string start = fp32_.state();
    const auto batches = fp32_.batches(o_["batch"], stream());
    Seconds bare, fp32, bf16;
    for (int64_t round = 0; round < o_["rounds"]; ++round) {
      const auto method = read_bare(name_, vit_, start);
      bare.add([&] { train(*method, batches, decoupled()); });
      begin(fp32_);
      fp32.add([&] { fp32_.learn(); });
      begin(bf16_);
      bf16.add([&] { bf16_.learn(); });
    }
    report("training", o_["images"], bare, fp32, bf16);
  }

  void evaluate() {
    const auto method = read_bare(name_, vit_, fp32_.state());
    Seconds bare, fp32, bf16, computed;
    for (int64_t round = 0; round < o_["rounds"]; ++round) {
      const auto ids = next_test_images(o_["eval_images"]);
      computed.add([&] {
        fp32_.compute_queries(ids);
        fp32_.predict(ids);
      });
      fp32.add([&] { fp32_.predict(ids); });
      const Tensor images = fp32_.test_images(ids), queries = fp32_.queries(ids);
      bare.add([&] { predict(*method, images, queries); });
      bf16_.compute_queries(ids);
      bf16.add([&] { bf16_.predict(ids); });
    }
    report("evaluation", o_["eval_images"], bare, fp32, bf16);
    std::printf("%s, evaluation: queries computed %.1f images/s; from the cache / computed %s\n", name_.c_str(),
                computed.rate(o_["eval_images"]), speed_against(computed, fp32).c_str());
  }

  void report(const char* what, int64_t images, const Seconds& bare, const Seconds& fp32, const Seconds& bf16) const {
    std::printf("%s, %s: bare loop %.1f images/s, plugin %.1f, in bf16 %.1f; plugin / bare %s, bf16 / fp32 %s\n", name_.c_str(), what,
                bare.rate(images), fp32.rate(images), bf16.rate(images), speed_against(bare, fp32).c_str(),
                speed_against(fp32, bf16).c_str());
  }

  const Options& o_;
  Path one_update_, fp32_, bf16_;
  BareVit vit_;
  int64_t used_ = 0;  // test images whose features may be in the cache
  std::string name_;
  std::optional<Plugin> plugin_;
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
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
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
  const int64_t asked = static_cast<int64_t>(o.methods.size()) * (kEvalBatch + o["rounds"] * o["eval_images"]);
  const int64_t there = std::accumulate(dataset.test_counts.begin(), dataset.test_counts.end(), int64_t{0});
  if (o["rounds"] < 1 || o["images"] < 1 || o["images"] % kTasks != 0 || o["eval_images"] % 32 != 0 || asked > there)
    throw base::Error("images must be a multiple of 10 and eval_images one of 32, and all rounds together may ask for " +
                      std::to_string(there) + " test images");
  report_products();
  Bench bench(o, dataset);
  for (const std::string& name : o.methods) bench.measure(name);
  std::fflush(stdout);
  base::fs::remove_all(features);  // all of them are the bench's own, see above
  _exit(0);
} catch (const std::exception& e) {
  std::fprintf(stderr, "prompt_bench: %s\n", e.what());
  return 1;
}
