// What the products of matrices of a run would take if there were nothing else: the calls that MKL listed, with their sizes and strides,
// made again on numbers of no meaning, by as many threads as LibTorch has. Calls of one thread are dealt out to all; those of several run
// one after another.
//
//   MKL_VERBOSE=1 MKL_VERBOSE_OUTPUT_FILE=products clbench run ... && replay_products products [ROUNDS]
//
// Prints operations and seconds, the median of ROUNDS (default 3). Products within SGEMM_BATCH, which MKL lists without their sizes, are
// left out, and so are lines that two threads wrote into one another.
#include <ATen/Parallel.h>
#include <torch/types.h>

#include <chrono>
#include <clb/nn/parallel.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "workload.hpp"

extern "C" void sgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k, const float* alpha, const float* a,
                       const int* lda, const float* b, const int* ldb, const float* beta, float* c, const int* ldc);
extern "C" int MKL_Set_Num_Threads_Local(int threads);

namespace {

struct Product {  // column-major: c [m, n] = a [m, k] b [k, n]
  char ta = 'N', tb = 'N';
  int m = 0, n = 0, k = 0, lda = 0, ldb = 0, ldc = 0, threads = 0;

  double operations() const { return 2.0 * m * n * k; }
  int64_t a_size() const { return int64_t{lda} * (ta == 'N' ? k : m); }
  int64_t b_size() const { return int64_t{ldb} * (tb == 'N' ? n : k); }
  int64_t c_size() const { return int64_t{ldc} * n; }
  bool sound() const {
    return m > 0 && n > 0 && k > 0 && threads > 0 && lda >= (ta == 'N' ? m : k) && ldb >= (tb == 'N' ? k : n) && ldc >= m;
  }
};

std::vector<Product> listed(const std::string& file) {
  std::ifstream in(file);
  std::vector<Product> products;
  for (std::string line; std::getline(in, line);) {
    Product p;
    const auto at = line.rfind("NThr:");
    if (at == std::string::npos) continue;
    const int read = std::sscanf(line.c_str(), "MKL_VERBOSE SGEMM(%c,%c,%d,%d,%d,%*[^,],%*[^,],%d,%*[^,],%d,%*[^,],%*[^,],%d)", &p.ta, &p.tb, &p.m,
                                 &p.n, &p.k, &p.lda, &p.ldb, &p.ldc);
    p.threads = std::atoi(line.c_str() + at + 5);
    if (read == 8 && p.sound()) products.push_back(p);
  }
  return products;
}

// Room for the operands of any product of a list.
class Operands {
 public:
  explicit Operands(const std::vector<Product>& products) {
    int64_t a = 1, b = 1, c = 1;
    for (const Product& p : products) a = std::max(a, p.a_size()), b = std::max(b, p.b_size()), c = std::max(c, p.c_size());
    a_ = at::rand({a}), b_ = at::rand({b}), c_ = at::empty({c});
  }
  void multiply(const Product& p) const {
    constexpr float one = 1, zero = 0;
    sgemm_(&p.ta, &p.tb, &p.m, &p.n, &p.k, &one, a_.const_data_ptr<float>(), &p.lda, b_.const_data_ptr<float>(), &p.ldb, &zero,
           c_.mutable_data_ptr<float>(), &p.ldc);
  }

 private:
  at::Tensor a_, b_, c_;
};

double seconds_of(const std::vector<std::vector<Product>>& dealt, const std::vector<Product>& joint) {
  std::vector<Operands> own;
  for (const auto& products : dealt) own.emplace_back(products);
  const Operands shared(joint);
  const auto start = std::chrono::steady_clock::now();
  clb::nn::side_by_side(dealt.size(), [&](size_t thread) {
    MKL_Set_Num_Threads_Local(1);
    for (const Product& p : dealt[thread]) own[thread].multiply(p);
    MKL_Set_Num_Threads_Local(0);
  });
  for (const Product& p : joint) shared.multiply(p);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "replay_products FILE [ROUNDS]: what are the products? FILE is what MKL_VERBOSE_OUTPUT_FILE named\n");
    return 2;
  }
  const std::vector<Product> products = listed(argv[1]);
  if (products.empty()) {
    std::fprintf(stderr, "%s lists no products; set MKL_VERBOSE=1 and MKL_VERBOSE_OUTPUT_FILE for the run\n", argv[1]);
    return 1;
  }
  std::vector<std::vector<Product>> dealt(static_cast<size_t>(at::get_num_threads()));
  std::vector<double> load(dealt.size());
  std::vector<Product> joint;
  double operations = 0;
  for (const Product& p : products) {
    operations += p.operations();
    if (p.threads > 1) {
      joint.push_back(p);
      continue;
    }
    const auto least = static_cast<size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    dealt[least].push_back(p);
    load[least] += p.operations();
  }
  std::vector<double> seconds;
  for (int round = 0; round < (argc > 2 ? std::max(1, std::atoi(argv[2])) : 3); ++round) seconds.push_back(seconds_of(dealt, joint));
  std::printf("%.0f %.3f\n", operations, clb::bench::median(seconds));
}
