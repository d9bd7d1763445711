// What every method with first-session adaptation must do: learn in the first task alone, save what it learned, and be the method without a
// tuner where the tuner has learned nothing.
#pragma once

#include <gtest/gtest.h>

#include "support/small_vit.hpp"

namespace clb::testing {

// Two classes of 12 images each. blocks: whose class tokens are the method's features without a tuner; 0: the class token after the norm.
inline Samples adaptation_task(int64_t index, int64_t blocks) {
  static const std::vector<std::string> kinds{"main:cls", "main:cls@last1", "main:cls@last2"};
  const nn::Vit vit = small_vit();
  const torch::NoGradGuard no_grad;
  Samples task = small_task(index, 24);
  task.features = blocks == 0 ? vit.cls(task.images) : vit.cls_of_blocks(task.images, kSmallVit.depth - blocks).flatten(1);
  task.kind = kinds[static_cast<size_t>(blocks)].c_str();
  return task;
}

inline Settings with_tuner(Settings settings, const char* tuner, int64_t epochs) {
  settings.insert(
      {{"tuner", choice(tuner)}, {"bottleneck", value(int64_t{4})}, {"epochs", value(epochs)}, {"batch_size", value(int64_t{8})}});
  return settings;
}

template <class Method>
void expect_adaptation_in_the_first_task(const Settings& settings, int64_t blocks) {
  for (const char* tuner : {"finetune", "vpt_shallow", "vpt_deep", "ssf", "adapter"}) {
    SCOPED_TRACE(tuner);
    const Settings tuned = with_tuner(settings, tuner, 2);
    MethodBench<Method> bench(tuned, small_weights()), fresh(tuned, small_weights());
    bench.train(adaptation_task(0, blocks), 2);
    EXPECT_EQ(bench.metrics.at("updates")[0].second, 2 * 3);
    EXPECT_GT(bench.metrics.at("relative_change")[0].second, 0);
    bench.train(adaptation_task(1, blocks), 4);  // the bench refuses a network that has changed
    EXPECT_FALSE(bench.metrics.contains("updates"));
    ASSERT_TRUE(bench.registered.contains("tuned"));
    fresh.load(bench.save(), 1 << 20, bench.classes_seen());
    const torch::Tensor logits = bench.predict(adaptation_task(0, blocks));
    EXPECT_TRUE(torch::equal(fresh.predict(adaptation_task(0, blocks)), logits));
    EXPECT_EQ(fresh.save(), bench.save());
  }
}

// A fresh adapter changes nothing.
template <class Method>
void expect_no_change_from_an_untrained_adapter(const Settings& settings, int64_t blocks) {
  MethodBench<Method> adapted(with_tuner(settings, "adapter", 0), small_weights()), plain(with_tuner(settings, "none", 0));
  for (int64_t t = 0; t < 2; ++t) {
    adapted.train(adaptation_task(t, blocks), 2 * t + 2);
    plain.train(adaptation_task(t, blocks), 2 * t + 2);
  }
  EXPECT_TRUE(torch::allclose(adapted.predict(adaptation_task(0, blocks)), plain.predict(adaptation_task(0, blocks)), 1e-3, 1e-4));
  EXPECT_TRUE(plain.registered.empty());
}

}  // namespace clb::testing
