// A pass of a frozen ViT that something is trained in, forward and backward without head and optimiser: the batch as a whole, as LibTorch
// computes it, and in slices (harness/nn/slices.hpp) whose last block leaves out the tokens that nobody reads. In turns; prints medians of
// rounds, processor time, and the share of the rate that this machine multiplies matrices of the network's sizes at, each thread its own.
//
//   OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=10000 step_bench [OPTION=VALUE ...]        batch = 16, size = 224 (pixels), rounds = 7
//
// Without these two, which a runner has too, threads of the whole batch's operations look for work while the slices compute.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <malloc.h>

#include <chrono>
#include <clb/nn/adapter.hpp>
#include <clb/nn/parallel.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/vit.hpp>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>
#include <string>

#include "workload.hpp"

namespace {

using namespace clb::nn;
using torch::Tensor;

constexpr int64_t kLastRows = 4;  // of the last block, where the injection works by token (harness/nn/blocks.cpp)

// Beside another injection it keeps the batch whole, and the last block too.
class Unsplit final : public Injection {};

struct Seconds {
  std::vector<double> wall, processor;

  template <class Work>
  void add(Work work) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t begin = std::clock();
    work();
    processor.push_back(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    wall.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
};

// Operations a second in products of `rows` tokens with the weights of a hidden layer.
double product_rate(const VitShape& shape, int64_t rows) {
  constexpr int kProducts = 50;
  const auto threads = static_cast<size_t>(at::get_num_threads());
  Seconds all;
  for (int round = 0; round < 7; ++round)
    all.add([&] {
      side_by_side(threads, [&](size_t) {
        const torch::NoGradGuard no_grad;
        const Tensor x = at::randn({rows, shape.dim}), w = at::randn({shape.dim, shape.mlp});
        Tensor y = at::empty({rows, shape.mlp});
        for (int k = 0; k < kProducts; ++k) at::mm_out(y, x, w);
      });
    });
  return 2.0 * static_cast<double>(rows * shape.dim * shape.mlp) * kProducts * static_cast<double>(threads) / clb::bench::median(all.wall);
}

// What is hung in: tokens beside the network's in every block, and numbers that are trained and that each token is multiplied with.
struct HungIn {
  int64_t tokens = 0, numbers = 0;
};

// Operations of the products and of attention in a pass whose last block computes `last_rows` tokens behind keys and values, forward alone
// or backward too: once more for what passes through, and once more for the gradients of what is hung in.
double operations(const VitShape& shape, const HungIn& hung_in, int64_t images, int64_t last_rows, bool backward) {
  const auto t = static_cast<double>(shape.tokens() + hung_in.tokens), d = static_cast<double>(shape.dim);
  const auto depth = static_cast<double>(shape.depth), rows = (depth - 1) * t + static_cast<double>(last_rows);
  const double qkv = 6 * d * d * t, row = 2 * d * d + 4 * d * static_cast<double>(shape.mlp) + 4 * t * d;
  const double network = depth * qkv + rows * row, beside = rows * 2 * static_cast<double>(hung_in.numbers);
  return static_cast<double>(images) * (backward ? 2 * network + 3 * beside : network + beside);
}

class Bench {
 public:
  Bench(const VitShape& shape, int64_t batch, int64_t rounds)
      : shape_(shape), vit_(random_vit(shape, 0), {.heads = shape.heads}), rounds_(rounds), rate_(product_rate(shape, 4 * shape.tokens())) {
    images_ = at::randn({batch, shape.channels, shape.image.height, shape.image.width});
    gradient_ = at::randn({batch, shape.dim});
    std::printf("products of matrices: %.1f GFLOP/s on %d threads\n", rate_ / 1e9, at::get_num_threads());
  }

  void measure(const char* name, Injection& injection, const HungIn& hung_in) {
    hung_in_ = hung_in;
    Unsplit unsplit;
    const Together whole({&injection, &unsplit});
    const std::vector<Tensor> trained = trained_tensors(injection);
    const auto train = [&](const Injection& in) { (void)torch::autograd::grad({vit_.cls(images_, in)}, trained, {gradient_}); };
    const auto predict = [&](const Injection& in) {
      const torch::NoGradGuard no_grad;
      (void)vit_.cls(images_, in);
    };
    compare(
        name, "trained", true, [&] { train(whole); }, [&] { train(injection); });
    compare(
        name, "predicting", false, [&] { predict(whole); }, [&] { predict(injection); });
  }

 private:
  template <class Whole, class Sliced>
  void compare(const char* name, const char* what, bool backward, Whole whole, Sliced sliced) {
    whole();
    sliced();
    Seconds a, b;
    for (int64_t round = 0; round < rounds_; ++round) {
      a.add(whole);
      b.add(sliced);
    }
    using clb::bench::median;
    const auto share = [&](const Seconds& taken, int64_t last_rows) {
      return operations(shape_, hung_in_, images_.size(0), last_rows, backward) / rate_ / median(taken.wall);
    };
    std::printf("%s, %s: whole %.0f ms, slices %.0f ms, whole / slices %.2f (processor time %.2f); share of the rate %.2f and %.2f\n", name,
                what, median(a.wall) * 1e3, median(b.wall) * 1e3, median(a.wall) / median(b.wall),
                median(a.processor) / median(b.processor), share(a, shape_.tokens() + hung_in_.tokens), share(b, kLastRows));
  }

  VitShape shape_;
  Vit vit_;
  HungIn hung_in_;
  int64_t rounds_;
  double rate_;
  Tensor images_, gradient_;
};

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, int64_t> options{{"batch", 16}, {"size", 224}, {"rounds", 7}};
  for (int k = 1; k < argc; ++k) {
    const char* equals = std::strchr(argv[k], '=');
    const std::string name(argv[k], equals == nullptr ? std::strlen(argv[k]) : static_cast<size_t>(equals - argv[k]));
    if (equals == nullptr || !options.contains(name)) {
      std::fprintf(stderr, "usage: step_bench [batch=16] [size=224] [rounds=7]\n");
      return 2;
    }
    options[name] = std::stoll(equals + 1);
  }
  // As in a runner (tools/runner): what a step frees is kept for the next.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
  const VitShape shape{.image = options["size"]};
  const Rng rng = [](const std::string& name) { return at::detail::createCPUGenerator(std::hash<std::string>()(name)); };
  Bench bench(shape, options["batch"], options["rounds"]);
  PromptTokens prompts(shape, {.length = 5, .deep = true, .at_end = true}, rng);
  bench.measure("prompts in every block", prompts, {.tokens = 5});
  const AdapterOptions drop_nothing{.dropout = 0};
  Adapter adapter(shape, drop_nothing, rng);
  bench.measure("adapters in every block", adapter, {.numbers = 2 * shape.dim * drop_nothing.bottleneck});
}
