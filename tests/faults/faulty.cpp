// A method that trains a small linear classifier on pooled pixels and, when told to, misbehaves at one place. For tests of what the host,
// the launcher and `clbench validate` do about it.
#include <signal.h>
#include <unistd.h>

#include <clb/sdk/method.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

namespace {

class Faulty final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "faulty",
      .version = "1.0.0",
      .paper = "none: a test",
      .capabilities = clb::kBitwise | clb::kBf16,
  };

  static void params(clb::Params<Faulty>& p) {
    p.choice("fault", &Faulty::fault_,
             {"none",  "crash",         "kill",    "throw", "throw_int", "shape",      "dtype", "classes", "nan",    "endless", "hog",
              "print", "default_dtype", "threads", "keep",  "grow",      "leak_batch", "drift", "clock",   "forget", "exit",    "fork"},
             "what goes wrong");
    p.choice("where", &Faulty::where_, {"create", "begin_task", "train_task", "end_task", "inputs", "predict", "save", "load"},
             "in which call");
    p.integer("task", &Faulty::at_task_, {0, 1000}, "in which task (create and load: in none)");
    p.string("once", &Faulty::once_, "a file: the fault strikes when it is there, and takes it away");
    p.integer("epochs", &Faulty::epochs_, {1, 1000}, "passes over the training images of a task");
  }

  void create() override { strike("create"); }
  void begin_task() override { strike("begin_task"); }
  void end_task() override { strike("end_task"); }

  void train_task() override {
    strike("train_task");
    const auto old = weight_;
    weight_ = torch::zeros({task().classes_seen, kDim}, ctx().device());
    if (old.defined()) weight_.narrow(0, 0, old.size(0)).copy_(old);
    if (fault_ == "clock") weight_ += 1e-3 * torch::rand({1}, torch::make_generator<at::CPUGeneratorImpl>(std::random_device{}()));
    auto stream = ctx().train().train_view().images().shuffled().epochs(epochs_).batches(8);
    const int64_t total = stream.info().batches;
    for (const clb::Batch& b : stream) {
      ctx().progress("batches", b.step, total);
      const auto x = pooled(b.images);  // [n, kDim]
      const auto error = torch::softmax(x.matmul(weight_.t()), 1) - torch::one_hot(b.labels, weight_.size(0)).to(torch::kFloat32);
      weight_ -= 0.05 * error.t().matmul(x) / static_cast<double>(b.n) + 1e-6 * torch::randn_like(weight_);
      if (fault_ == "keep" || fault_ == "grow") kept_.push_back(b.images);
    }
  }

  clb::Inputs inputs() const override {
    const_cast<Faulty*>(this)->strike("inputs");
    return clb::Inputs::images();
  }

  torch::Tensor predict(const clb::Batch& b) override {
    strike("predict");
    auto logits = pooled(b.images).matmul(weight_.t());  // [n, c]
    const bool here = where_ == "predict" && task().index >= at_task_;
    if (here && fault_ == "shape") return logits.slice(0, 0, b.n - 1);
    if (here && fault_ == "dtype") return logits.to(torch::kFloat64);
    if (here && fault_ == "classes") return torch::cat({logits, logits.narrow(1, 0, 1)}, 1);
    if (here && fault_ == "nan") logits[0][0] = std::numeric_limits<float>::quiet_NaN();
    if (here && fault_ == "leak_batch") logits = logits - logits.mean(0, true) * 3;
    if (here && fault_ == "drift") weight_ += 1e-3;
    return logits;
  }

  void state(clb::Archive& a) override {
    const bool loading = !weight_.defined();
    auto saved = fault_ == "forget" && !loading ? torch::zeros_like(weight_) : weight_;
    a("weight", saved);
    if (loading) weight_ = saved;
    if (loading) strike("load");
    if (!loading) strike("save");
    a("epochs", epochs_);
    if (fault_ == "grow") a("kept", kept_);
  }

 private:
  static constexpr int64_t kDim = 3 * 8 * 8;
  static torch::Tensor pooled(const torch::Tensor& images) {
    return torch::adaptive_avg_pool2d(images.to(torch::kFloat32), {8, 8}).flatten(1);
  }

  void strike(const char* where) {
    const bool taskless = where_ == "create" || where_ == "load";
    if (where_ != where || (!taskless && task().index != at_task_)) return;
    if (!once_.empty() && !std::filesystem::remove(once_)) return;
    if (fault_ == "crash") raise(SIGSEGV);
    if (fault_ == "kill") raise(SIGKILL);
    if (fault_ == "exit") std::exit(0);
    if (fault_ == "fork") static_cast<void>(fork());  // the child goes on as if it were the runner
    if (fault_ == "throw") throw std::runtime_error("thrown on purpose");
    if (fault_ == "throw_int") throw 7;
    if (fault_ == "endless") {
      for (;;) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (fault_ == "hog") {
      for (std::vector<std::vector<char>> all;;) all.emplace_back(size_t{64} << 20, 'x');
    }
    if (fault_ == "print") std::puts("a line on stdout"), std::fflush(stdout);
    if (fault_ == "default_dtype") torch::set_default_dtype(caffe2::TypeMeta::Make<double>());
    if (fault_ == "threads") torch::set_num_threads(torch::get_num_threads() + 1);
  }

  std::string fault_ = "none", where_ = "train_task", once_;
  int64_t at_task_ = 1, epochs_ = 2;
  torch::Tensor weight_;
  std::vector<torch::Tensor> kept_;
};

}  // namespace

CLB_METHOD(Faulty)
