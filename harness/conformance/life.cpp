// From create to the last prediction, on streams that are unusual in one way each.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/precision.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/emitter.hpp>
#include <cstdio>
#include <thread>
#include <utility>

#include <c10/util/StringUtil.h>

#include "checks.hpp"

namespace clb::conformance {
namespace {

// predict() has already refused logits of a wrong shape or type, and what is not finite.
void learn_and_predict(const Subject& subject, const MadeStream& stream, int64_t test_batch = 64) {
  Rig rig(subject, stream);
  for (int64_t t = 0; t < rig.tasks(); ++t) {
    rig.learn(t);
    rig.logits({.batch_size = test_batch});
  }
}

}  // namespace

std::string life_cycle(const Subject& subject) {
  learn_and_predict(subject, {.task_sizes = {4, 3, 2, 1}});
  return "";
}

std::string one_image(const Subject& subject) {
  learn_and_predict(subject, {.train_per_class = 1});
  return "";
}

// 33 training images a task leave one for the last batch of 4, 8, 16 and 32; 15 and 30 test images one for batches of 7 and 29.
std::string last_batch_of_one(const Subject& subject) {
  learn_and_predict(subject, {.task_sizes = {3, 3}, .train_per_class = 11}, 7);
  return "";
}

std::string one_task(const Subject& subject) {
  learn_and_predict(subject, {.task_sizes = {9}});
  return "";
}

// Two descriptors into a file, and back.
class Capture {
 public:
  Capture() : file_(fileno(std::tmpfile())), out_(dup(1)), err_(dup(2)) {
    std::fflush(nullptr);
    dup2(file_, 1);
    dup2(file_, 2);
  }
  ~Capture() { text(); }
  std::string text() {
    if (out_ < 0) return "";
    std::fflush(nullptr);
    dup2(std::exchange(out_, -1), 1);
    dup2(std::exchange(err_, -1), 2);
    std::string text(4096, '\0');
    const ssize_t n = pread(file_, text.data(), text.size(), 0);
    return text.substr(0, n > 0 ? static_cast<size_t>(n) : 0);
  }

 private:
  int file_, out_, err_;
};

std::string quiet(const Subject& subject) {
  Capture capture;
  learn_and_predict(subject, {});
  if (const std::string text = capture.text(); !text.empty())
    throw Failure{"the plugin prints: " + text.substr(0, text.find('\n')) + "; use ctx().log()"};
  return "";
}

std::string bf16(const Subject& subject) {
  for (const char* form : {base::kBf16, base::kBf16Weights}) learn_and_predict(subject, {.precision = form});
  return "";
}

std::string cancel(const Subject& subject) {
  constexpr auto kBefore = std::chrono::milliseconds(300), kWithin = std::chrono::milliseconds(2000);
  using Clock = std::chrono::steady_clock;
  Rig rig(subject, {.task_sizes = {4}, .train_per_class = 200});
  session::install_cancel_handler();
  Clock::time_point asked;
  std::atomic<bool> over{false};
  std::thread asker([&] {
    std::this_thread::sleep_for(kBefore);
    asked = Clock::now();
    kill(getpid(), SIGTERM);
    while (!over && Clock::now() < asked + 2 * kWithin) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (over) return;
    std::fputs("training does not stop when it is asked to; call ctx().progress() in every loop\n", stderr);
    std::fflush(stderr);
    _exit(static_cast<int>(base::Exit::kFailedRun));  // nobody can end the call
  });
  bool stopped = false;
  std::string other;
  try {
    rig.learn(0);
  } catch (const PluginError& e) {
    stopped = e.status() == CLB_E_CANCELLED;
    other = e.what();
  }
  const auto ended = Clock::now();
  over = true;
  asker.join();
  if (!stopped && !other.empty()) throw Failure{"asked to stop, the method failed with another error: " + other};
  if (!stopped && ended < asked) return "training ended before it could be cancelled";
  const double seconds = std::chrono::duration<double>(ended - asked).count();
  if (ended - asked > kWithin)
    throw Failure{c10::str("training went on for ", seconds, " s after it was asked to stop; call ctx().progress() for every batch")};
  return c10::str("stopped after ", seconds, " s");
}

}  // namespace clb::conformance
