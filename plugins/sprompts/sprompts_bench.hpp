// What the tests of both forms share: the plugin in a bench, its state as members, and domains that a tint tells apart.
#pragma once

#include "nn/golden_modules.hpp"
#include "sprompts.cpp"
#include "support/small_vit.hpp"

namespace {

using clb::testing::choice;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::value;
using clb::testing::with;
using Bench = clb::testing::MethodBench<SPrompts>;

// As the plugin makes one, of any size.
inline Session any_session(bool with_texts) {
  Session session(1, 1, clb::golden::any_numbers());
  if (with_texts) {
    session.context = torch::zeros({1, 1});
  } else {
    session.head = clb::nn::GrowingLinear({.dim = 1}, clb::golden::any_numbers());
  }
  return session;
}

// The plugin's state as its members.
struct State {
  explicit State(bool with_texts = false) : with_texts(with_texts) {}

  bool with_texts;
  std::vector<Session> sessions;
  std::vector<Tensor> labels, centroids;
  Tensor usage;
  clb::Task task;

  void state(clb::Archive& a) {
    task.state(a);
    a("sessions", sessions, [this] { return any_session(with_texts); })("labels", labels)("centroids", centroids)("usage", usage);
  }
};

inline State state_of(Bench& bench, bool with_texts = false) {
  State state(with_texts);
  clb::testing::load(state, bench.save());
  return state;
}

// Two classes, the same in every domain; images of a domain have a tint of their own. Without features.
inline Samples tinted(int64_t index, int64_t n) {
  Samples samples = clb::testing::small_task(0, n);
  samples.images = samples.images.clone();
  samples.images.select(1, index % 3).add_(2.0 + static_cast<double>(index));
  samples.tasks = torch::full({n}, index, torch::kInt64);
  return samples;
}

inline Settings settings(const Settings& changes = {}) {
  return with({{"prompt_length", value(int64_t{3})},
               {"epochs", value(int64_t{4})},
               {"first_epochs", value(int64_t{4})},
               {"batch_size", value(int64_t{5})},
               {"lr", value(0.3)},
               {"first_lr", value(0.3)}},
              changes);
}

}  // namespace
