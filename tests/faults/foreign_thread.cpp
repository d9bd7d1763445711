// Reads its stream, or records a number, on a thread of its own.
#include <exception>
#include <thread>

#include "class_means.hpp"

namespace {

class ForeignThread final : public ClassMeans {
 public:
  static constexpr clb::About about{.id = "foreign_thread", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kBitwise};
  static void params(clb::Params<ForeignThread>& p) {
    p.choice("call", &ForeignThread::call_, {"stream", "swallowed", "metric", "log"}, "which function of the host; log is allowed");
  }

  void train_task() override {
    std::exception_ptr failure;
    std::thread([&] {
      try {
        if (call_ == "stream" || call_ == "swallowed") ClassMeans::train_task();
        if (call_ == "metric") ctx().metric("loss", 0, 1);
        if (call_ == "log") ctx().log("from another thread");
      } catch (...) {
        failure = std::current_exception();
      }
    }).join();
    if (failure && call_ == "stream") std::rethrow_exception(failure);
    ClassMeans::train_task();
  }

 private:
  std::string call_ = "stream";
};

}  // namespace

CLB_METHOD(ForeignThread)
