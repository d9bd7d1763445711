// Leaves something running or changed behind: a thread, a child, a child of a child, a dead child.
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "class_means.hpp"

namespace {

class Leftovers final : public ClassMeans {
 public:
  static constexpr clb::About about{.id = "leftovers", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kBitwise};
  static void params(clb::Params<Leftovers>& p) {
    p.choice("what", &Leftovers::what_, {"thread", "child", "grandchild", "zombie"}, "what it leaves");
    p.choice("where", &Leftovers::where_, {"create", "train_task", "predict"}, "in which call");
  }

  void create() override { strike("create"); }
  void train_task() override {
    ClassMeans::train_task();
    strike("train_task");
  }
  torch::Tensor predict(const clb::Batch& b) override {
    strike("predict");
    return ClassMeans::predict(b);
  }

 private:
  void strike(const char* where) {
    if (where_ != where || done_) return;
    done_ = true;
    if (what_ == "thread") std::thread([] { sleep(20); }).detach();
    if (what_ == "child" && fork() == 0) {
      sleep(20);
      _exit(0);
    }
    if (what_ == "zombie" && fork() == 0) _exit(0);
    if (what_ == "grandchild" && fork() == 0) {
      if (fork() == 0) {
        setsid();
        sleep(20);
      }
      _exit(0);
    }
    if (what_ == "grandchild") wait(nullptr);
  }

  std::string what_ = "thread", where_ = "train_task";
  bool done_ = false;
};

}  // namespace

CLB_METHOD(Leftovers)
