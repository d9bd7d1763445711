// Saving, loading, and what a state may hold.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/paths.hpp>
#include <clb/sdk/error.hpp>
#include <cstring>
#include <random>

#include <c10/util/StringUtil.h>

#include "checks.hpp"

extern char** environ;

namespace clb::session::conformance {
namespace {

constexpr double kBytesPerImage = 16;  // more than this a state may not grow by for one more training image

std::string bytes_of(const torch::Tensor& t) { return {static_cast<const char*>(t.const_data_ptr()), t.nbytes()}; }

torch::Tensor tensor_of(const std::string& bytes, at::IntArrayRef shape) {
  auto t = torch::empty(shape, torch::kFloat32);
  if (bytes.size() != t.nbytes()) throw Failure{"the other process wrote logits of another size"};
  std::memcpy(t.mutable_data_ptr(), bytes.data(), bytes.size());
  return t;
}

// What a checkpoint keeps between two tasks: the method's state and the exemplars that the host has.
struct Saved {
  std::string state;
  std::vector<int64_t> memory;
};

Saved saved(Rig& rig) { return {rig.state(), rig.memory()}; }

// What another process is to do with the state in the folder.
struct Errand {
  int64_t after;  // the task after which the state was saved
  bool learn;     // learn the next task first
  uint64_t step;  // bytes that one read delivers
  std::vector<int64_t> memory = {};

  base::Json to_json() const { return {{"after", after}, {"learn", learn}, {"step", step}, {"memory", memory}}; }
  static Errand from_json(const base::Json& j) { return {j.at("after"), j.at("learn"), j.at("step"), j.at("memory")}; }
};

// The logits that a new process gets from the state.
torch::Tensor logits_elsewhere(const Subject& subject, const Saved& saved, Errand errand, at::IntArrayRef shape) {
  const TemporaryFolder folder;
  errand.memory = saved.memory;
  base::write_file_atomic(folder.path() / "state", saved.state);
  base::write_file_atomic(folder.path() / "errand", base::canonical(errand.to_json()));
  std::vector<std::string> words{base::executable().string(),
                                 "check",
                                 subject.file,
                                 "--elsewhere",
                                 folder.path().string(),
                                 "--seed",
                                 std::to_string(subject.seed),
                                 "--params",
                                 base::canonical(subject.params)};
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  setenv("CLB_LAUNCHER_PID", std::to_string(getpid()).c_str(), 1);  // the new process dies with this one
  pid_t pid = 0;
  int status = 0;
  if (posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ) != 0 || waitpid(pid, &status, 0) != pid)
    throw Failure{"a second process cannot be started"};
  if (WIFSIGNALED(status)) throw Failure{c10::str("a new process with the saved state ended with signal ", WTERMSIG(status))};
  if (WEXITSTATUS(status) != 0) throw Failure{"a new process with the saved state failed: " + base::read_file(folder.path() / "error")};
  return tensor_of(base::read_file(folder.path() / "logits"), shape);
}

void expect_equal(const torch::Tensor& got, const torch::Tensor& want, const std::string& where) {
  if (!torch::equal(got, want)) throw Failure{c10::str(where, " the logits differ by up to ", (got - want).abs().max().item<double>())};
}

}  // namespace

void run_errand(const Subject& subject, const std::string& folder) {
  const base::fs::path place(folder);
  try {
    const auto errand = Errand::from_json(base::parse_json(base::read_file(place / "errand"), "errand"));
    Rig rig(subject);
    rig.load(base::read_file(place / "state"), errand.after, errand.step, errand.memory);
    if (errand.learn) rig.learn(errand.after + 1);
    base::write_file_atomic(place / "logits", bytes_of(rig.logits()));
  } catch (const std::exception& e) {
    base::write_file_atomic(place / "error", e.what());
    throw;
  }
}

std::string resume(const Subject& subject) {
  Rig rig(subject);
  const int64_t last = rig.tasks() - 1;
  for (int64_t t = 0; t < last; ++t) rig.learn(t);
  const Saved state = saved(rig);
  rig.learn(last);
  const auto want = rig.logits();
  for (const uint64_t step : {1, 3})
    expect_equal(logits_elsewhere(subject, state, {last - 1, true, step}, want.sizes()), want, "resumed in a new process,");
  return "";
}

std::string damaged_state(const Subject& subject) {
  Rig trained(subject);
  trained.learn(0);
  const std::string state = trained.state();
  const auto loads = [&](const std::string& bytes) {
    Rig fresh(subject);
    try {
      fresh.load(bytes, 0, 64);
      return true;
    } catch (const PluginError&) {
      return false;
    }
  };
  constexpr size_t kTries = 12;
  for (size_t k = 0; k < kTries && k < state.size(); ++k) {
    const size_t size = state.size() * k / kTries;
    if (loads(state.substr(0, size)))
      throw Failure{c10::str("a state of ", state.size(), " bytes was loaded although it was cut after ", size)};
  }
  std::mt19937 random(static_cast<uint32_t>(subject.seed));
  for (size_t k = 0; k < kTries && !state.empty(); ++k) {
    std::string flipped = state;
    const size_t at = k < kTries / 2 ? random() % std::min<size_t>(64, state.size()) : random() % state.size();
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << random() % 8));
    loads(flipped);  // what comes out of it may be anything but a crash
  }
  return c10::str(state.size(), " bytes");
}

std::string evaluation_is_pure(const Subject& subject) {
  Rig rig(subject);
  for (int64_t t = 0; t < rig.tasks(); ++t) {
    rig.learn(t);
    const std::string before = rig.state();
    rig.logits();
    if (rig.state() != before) throw Failure{c10::str("the evaluation after task ", t + 1, " changed the method's state")};
  }
  return "";
}

std::string evaluate_saved(const Subject& subject) {
  Rig rig(subject);
  for (int64_t t = 0; t < rig.tasks(); ++t) rig.learn(t);
  const auto want = rig.logits();
  expect_equal(logits_elsewhere(subject, saved(rig), {rig.tasks() - 1, false, 1 << 20}, want.sizes()), want,
               "evaluated from the saved state in a new process,");
  return "";
}

// Images hidden in a state make it grow with the number of images, or with the tasks by the size of their images.
std::string state_growth(const Subject& subject) {
  const auto size = [&](int64_t per_class) {
    Rig rig(subject, {.task_sizes = {3, 3}, .train_per_class = per_class});
    rig.learn_all();
    return std::pair{static_cast<double>(rig.state().size()), static_cast<double>(rig.train_images())};
  };
  const auto [small, few] = size(6);
  const auto [large, many] = size(30);
  const double growth = (large - small) / (many - few);
  if (growth > kBytesPerImage)
    throw Failure{c10::str("the state grows by ", growth, " bytes for each training image (", small, " bytes with ", few, " images, ",
                           large, " with ", many, "); exemplars belong into the host's memory (memory_set)")};
  return c10::str(small, " bytes with ", few, " images, ", large, " with ", many);
}

std::string bitwise(const Subject& subject) {
  Rig first(subject), second(subject);
  first.learn_all();
  second.learn_all();
  if (!torch::equal(first.logits(), second.logits())) throw Failure{"the same run gave other logits the second time"};
  if (first.state() != second.state()) throw Failure{"the same run gave another state the second time"};
  return "";
}

}  // namespace clb::session::conformance
