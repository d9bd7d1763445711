// Updates of ZSCL by its plugin, through the C ABI with tensors that lie ready, against the same mathematics in bare LibTorch: plain
// operations, autograd, torch::optim. Same weights, images, sentences and threads. Rounds alternate, so that both sides see the same
// machine; medians are printed.
//
//   zscl_bench CLIP.safetensors [OPTION=VALUE ...]
//
// updates = 12 (of a round), rounds = 5, batch = 32, reference = 32 (reference images of an update), classes = 10, captions = 100, size =
// 32 (pixels, as the weights' positions say), image_heads = 2, text_heads = 2, threads = 0 (as LibTorch has it).
#include "../../plugins/zscl/zscl.cpp"

#include <ATen/Parallel.h>
#include <torch/nn/functional/loss.h>
#include <torch/optim.h>

#include <chrono>
#include <clb/base/file.hpp>
#include <cstdio>
#include <cstdlib>

#include "support/method_bench.hpp"
#include "workload.hpp"

namespace {

using clb::bench::median;
using clb::testing::value;
using Bench = clb::testing::MethodBench<Zscl>;
using Clock = std::chrono::steady_clock;

struct Options {
  std::map<std::string, int64_t> numbers{{"updates", 12}, {"rounds", 5},      {"batch", 32},     {"reference", 32}, {"classes", 10},
                                         {"size", 32},    {"image_heads", 2}, {"text_heads", 2}, {"captions", 100}, {"threads", 0}};
  int64_t operator[](const std::string& name) const { return numbers.at(name); }
};

constexpr double kRate = 1e-4, kTemperature = 2, kWeight = 5, kSmoothing = 0.2;
constexpr int64_t kAverageEvery = 10;

// A CLIP with exact GELU, by the names of its file.
struct BareClip {
  clb::nn::TensorMap w;
  int64_t image_heads, text_heads;

  const Tensor& operator()(const std::string& name) const { return w.at(name); }
  Tensor norm(const std::string& at, const Tensor& x) const {
    return at::layer_norm(x, {x.size(-1)}, w.at(at + ".weight"), w.at(at + ".bias"), 1e-5);
  }
  Tensor linear(const std::string& at, const Tensor& x) const { return at::linear(x, w.at(at + ".weight"), w.at(at + ".bias")); }
  Tensor blocks(const std::string& in, Tensor x, int64_t heads, bool causal) const {
    for (int64_t k = 0; w.contains(in + std::to_string(k) + ".ln_1.weight"); ++k) {
      const std::string at = in + std::to_string(k);
      const auto split = [&](const Tensor& t) { return t.unflatten(-1, {heads, -1}).transpose(1, 2); };
      const auto qkv = at::linear(norm(at + ".ln_1", x), w.at(at + ".attn.in_proj_weight"), w.at(at + ".attn.in_proj_bias")).chunk(3, -1);
      const Tensor mixed = at::scaled_dot_product_attention(split(qkv[0]), split(qkv[1]), split(qkv[2]), {}, 0.0, causal);
      x = x + linear(at + ".attn.out_proj", mixed.transpose(1, 2).flatten(2));
      x = x + linear(at + ".mlp.c_proj", at::gelu(linear(at + ".mlp.c_fc", norm(at + ".ln_2", x))));
    }
    return x;
  }
  Tensor image(const Tensor& images) const {
    const Tensor& conv = w.at("visual.conv1.weight");
    const Tensor patches = at::conv2d(images, conv, {}, conv.size(2)).flatten(2).transpose(1, 2);
    Tensor x = at::cat({w.at("visual.class_embedding").reshape({1, 1, -1}).expand({images.size(0), -1, -1}), patches}, 1);
    x = norm("visual.ln_pre", x + w.at("visual.positional_embedding"));
    x = blocks("visual.transformer.resblocks.", x, image_heads, false);
    return at::matmul(norm("visual.ln_post", x.select(1, 0)), w.at("visual.proj"));
  }
  Tensor text(const Tensor& ids) const {
    Tensor x = at::embedding(w.at("token_embedding.weight"), ids) + w.at("positional_embedding").narrow(0, 0, ids.size(1));
    x = norm("ln_final", blocks("transformer.resblocks.", x, text_heads, true));
    return at::matmul(x.index({at::arange(ids.size(0)), ids.argmax(1)}), w.at("text_projection"));
  }
};

struct Workload {
  clb::nn::TensorMap weights;
  Tensor images, labels, reference, tokens, captions;  // ids [classes, t], [captions, t]
  Options o;

  Workload(const std::string& file, const Options& options) : o(options) {
    const std::string bytes = clb::base::read_file(file, int64_t{4} << 30);
    for (const auto& [name, t] : clb::nn::read_safetensors({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, file))
      weights[name] = t.to(torch::kFloat32).clone();
    const int64_t vocabulary = weights.at("token_embedding.weight").size(0), size = o["size"];
    torch::manual_seed(0);
    images = torch::rand({o["updates"] * o["batch"], 3, size, size}) * 2 - 1;
    labels = torch::arange(images.size(0)) % o["classes"];
    reference = torch::rand({o["updates"] * o["reference"], 3, size, size}) * 2 - 1;
    const auto sentences = [&](int64_t count) {  // the end token has the largest id
      const Tensor ids = torch::randint(1, vocabulary - 1, {count, 12});
      ids.select(1, 11).fill_(vocabulary - 1);
      return ids;
    };
    tokens = sentences(o["classes"]);
    captions = sentences(o["captions"]);
  }

  BareClip bare() const {
    BareClip clip{weights, o["image_heads"], o["text_heads"]};
    for (auto& [name, t] : clip.w) t = t.clone().requires_grad_(name != "logit_scale");
    return clip;
  }

  std::unique_ptr<Bench> plugin() const {
    const clb::testing::Settings settings{{"lr", value(kRate)},
                                          {"warmup_iterations", value(int64_t{0})},
                                          {"batch_size", value(o["batch"])},
                                          {"reference_batch", value(o["reference"])},
                                          {"extra_update", value(false)},
                                          {"average_every", value(kAverageEvery)}};
    clb::testing::BenchText text;
    text.tokens = [ids = tokens](const std::vector<std::string>&) { return ids; };
    const torch::NoGradGuard no_grad;
    text.rows = [rows = bare().text(captions)](const std::vector<std::string>&) { return rows; };
    text.images["reference"] = reference;
    for (int64_t k = 0; k < o["captions"]; ++k) text.captions.push_back("caption " + std::to_string(k));
    return std::make_unique<Bench>(
        settings,
        clb::testing::BenchWeights{
            .tensors = weights, .heads = o["image_heads"], .format = "openclip", .text_heads = o["text_heads"], .image = o["size"]},
        text);
  }
};

Tensor unit(const Tensor& x) { return x / x.norm(2, -1, /*keepdim=*/true); }

Tensor distilled(const Tensor& teacher, const Tensor& student) {
  return -(at::softmax(teacher / kTemperature, 1) * at::log_softmax(student / kTemperature, 1)).sum(1).mean() * kTemperature * kTemperature;
}

// The losses of all updates.
std::vector<double> bare_updates(const Workload& work) {
  const BareClip clip = work.bare(), teacher{work.weights, work.o["image_heads"], work.o["text_heads"]};
  std::vector<Tensor> trained;
  clb::nn::TensorMap average;
  for (const auto& [name, t] : clip.w) {
    average[name] = t.detach().clone();
    if (t.requires_grad()) trained.push_back(t);
  }
  torch::optim::AdamW adam(trained, torch::optim::AdamWOptions(kRate).weight_decay(0));
  const Tensor scale = clip("logit_scale").exp();
  const Tensor sentences = [&] {
    const torch::NoGradGuard no_grad;
    return unit(teacher.text(work.captions));
  }();
  std::vector<double> losses;
  for (int64_t k = 0, averaged = 1; k < work.o["updates"]; ++k) {
    const double rate = kRate * 0.5 * (1 + std::cos(M_PI * static_cast<double>(k) / static_cast<double>(work.o["updates"])));
    for (auto& group : adam.param_groups()) group.options().set_lr(rate);
    const Tensor images = work.images.narrow(0, k * work.o["batch"], work.o["batch"]);
    const Tensor labels = work.labels.narrow(0, k * work.o["batch"], work.o["batch"]);
    const Tensor reference = work.reference.narrow(0, k * work.o["reference"], work.o["reference"]);
    adam.zero_grad();
    const Tensor logits = scale * at::matmul(unit(clip.image(images)), unit(clip.text(work.tokens)).t());
    const Tensor ce = at::cross_entropy_loss(logits, labels, {}, at::Reduction::Mean, -100, kSmoothing);
    Tensor before;
    {
      const torch::NoGradGuard no_grad;
      before = scale * at::matmul(unit(teacher.image(reference)), sentences.t());
    }
    const Tensor now = scale * at::matmul(unit(clip.image(reference)), sentences.t());
    const Tensor loss = ce + kWeight * distilled(before, now) + kWeight * distilled(before.t(), now.t());
    loss.backward();
    adam.step();
    losses.push_back(loss.item<double>());
    const torch::NoGradGuard no_grad;
    if (k % kAverageEvery == 0) {
      for (auto& [name, mean] : average) mean.mul_(static_cast<double>(averaged)).add_(clip(name)).div_(static_cast<double>(averaged + 1));
      ++averaged;
    }
  }
  return losses;
}

template <class Work>
std::pair<double, double> seconds(Work work) {  // on the wall, of the processor
  const auto start = Clock::now();
  const std::clock_t begin = std::clock();
  work();
  return {std::chrono::duration<double>(Clock::now() - start).count(), static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC};
}

void measure(const Workload& work) {
  std::vector<double> ratios, processor, bare_seconds;
  double apart = 0;
  for (int64_t round = 0; round < work.o["rounds"]; ++round) {
    std::vector<double> losses;
    const auto bare = seconds([&] { losses = bare_updates(work); });
    const auto bench = work.plugin();
    const auto plugin = seconds([&] { bench->train({.images = work.images, .labels = work.labels}, work.o["classes"]); });
    const auto& traced = bench->history.at("loss");
    if (traced.size() != losses.size()) throw std::runtime_error("the sides make different numbers of updates");
    for (size_t k = 0; k < losses.size(); ++k) apart = std::max(apart, std::abs(losses[k] / traced[k].item<double>() - 1));
    ratios.push_back(plugin.first / bare.first);
    processor.push_back(plugin.second / bare.second);
    bare_seconds.push_back(bare.first);
  }
  std::printf("bare loop %.1f ms an update; plugin / bare %.3f (processor time %.3f); losses differ by %.1e at most (relative)\n",
              1000 * median(bare_seconds) / static_cast<double>(work.o["updates"]), median(ratios), median(processor), apart);
}

}  // namespace

int main(int argc, char** argv) try {
  Options o;
  for (int k = 2; k < argc; ++k) {
    const std::string text = argv[k], name = text.substr(0, text.find('='));
    if (!o.numbers.contains(name) || name.size() == text.size()) argc = 0;
    if (argc > 0) o.numbers[name] = std::atoll(text.c_str() + name.size() + 1);
  }
  if (argc < 2) {
    std::fputs("zscl_bench CLIP.safetensors [OPTION=VALUE ...]\n", stderr);
    return 2;
  }
  if (o["threads"] > 0) at::set_num_threads(static_cast<int>(o["threads"]));
  std::printf("%d threads; %ld updates a round of %ld images and %ld of reference, %ld classes, %ld captions; medians of %ld rounds\n",
              at::get_num_threads(), static_cast<long>(o["updates"]), static_cast<long>(o["batch"]), static_cast<long>(o["reference"]),
              static_cast<long>(o["classes"]), static_cast<long>(o["captions"]), static_cast<long>(o["rounds"]));
  measure(Workload(argv[1], o));
  std::fflush(stdout);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "zscl_bench: %s\n", e.what());
  return 1;
}
