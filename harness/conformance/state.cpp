// Saving, loading, and what a state may hold.
#include <clb/meta.h>

#include <clb/base/error.hpp>
#include <clb/sdk/error.hpp>
#include <random>

#include <c10/util/StringUtil.h>

#include "elsewhere.hpp"
#include "image_search.hpp"

namespace clb::conformance {
namespace {

constexpr double kBytesPerImage = 16;           // more than this a state may not grow by for one more training image
constexpr size_t kSearched = size_t{32} << 20;  // bytes of a state; the search takes a second or two for each MiB

void expect_equal(const torch::Tensor& got, const torch::Tensor& want, const std::string& where) {
  if (!torch::equal(got, want)) throw Failure{c10::str(where, " the logits differ by up to ", (got - want).abs().max().item<double>())};
}

}  // namespace

std::string resume(const Subject& subject) {
  Rig rig(subject);
  const int64_t last = rig.tasks() - 1;
  for (int64_t t = 0; t < last; ++t) rig.learn(t);
  const Saved state = saved(rig);
  rig.learn(last);
  const auto want = rig.logits();
  for (const uint64_t step : {1, 3})
    expect_equal(elsewhere(subject, state, {last - 1, true, step}, want.sizes()).logits, want, "resumed in a new process,");
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

// Evaluated after each task, in small and in large batches, or never before the end: nothing that can be saved or seen may differ.
std::string evaluation_is_pure(const Subject& subject) {
  const Stream stream{.test_per_class = 33};  // more than two of the usual batches
  Rig rig(subject, stream), untouched(subject, stream);
  torch::Tensor last;
  for (int64_t t = 0; t < rig.tasks(); ++t) {
    rig.learn(t);
    const std::string before = rig.state();
    const auto first = rig.logits();
    rig.logits({.batch_size = 0});
    if (rig.state() != before) throw Failure{c10::str("the evaluation after task ", t + 1, " changed the method's state")};
    last = rig.logits();
    expect_equal(last, first, c10::str("evaluated again after task ", t + 1, ","));
  }
  untouched.learn_all();
  const auto want = untouched.logits();
  if (subject.claims(CLB_CAP_BITWISE)) expect_equal(last, want, "evaluated after each task or only at the end,");
  expect_same_predictions(want, last, "when the method is evaluated after each task and not only at the end");
  return "";
}

// No training image may be found in what is saved, whatever it is called.
std::string hidden_images(const Subject& subject) {
  const Stream stream{.task_sizes = {3, 3}, .textured = true};
  Rig rig(subject, stream);
  const ImageSearch search(train_pixels(subject.seed, stream), kSide);
  std::string remark;
  for (int64_t t = 0; t < rig.tasks(); ++t) {
    rig.learn(t);
    const std::string state = rig.state();
    if (const auto found = search.find(std::string_view(state).substr(0, kSearched)))
      throw Failure{c10::str("the state of ", state.size(), " bytes holds training image ", found->image, " as ", found->as,
                             " (correlation ", found->correlation, "); exemplars belong into the host's memory (clb/ext/memory.h)")};
    if (state.size() > kSearched) remark = c10::str("searched ", kSearched, " of ", state.size(), " bytes");
  }
  return remark;
}

std::string evaluate_saved(const Subject& subject) {
  Rig rig(subject);
  for (int64_t t = 0; t < rig.tasks(); ++t) rig.learn(t);
  const auto want = rig.logits();
  expect_equal(elsewhere(subject, saved(rig), {.after = rig.tasks() - 1}, want.sizes()).logits, want,
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
                           large, " with ", many, "); exemplars belong into the host's memory (clb/ext/memory.h)")};
  return c10::str(small, " bytes with ", few, " images, ", large, " with ", many);
}

// Here and in another process, later, with another environment and at other addresses.
std::string bitwise(const Subject& subject) {
  Rig rig(subject);
  rig.learn_all();
  const auto want = rig.logits();
  const Result other = elsewhere(subject, {}, {}, want.sizes());
  expect_equal(other.logits, want, "in another process, later,");
  if (other.state != rig.state()) throw Failure{"the same run gave another state in another process"};
  return "";
}

}  // namespace clb::conformance
