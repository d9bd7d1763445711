// A method of projected gradients, made of nn's bricks alone: what old tasks put in still comes out as it did.
#include "gpm.cpp"

#include "made_problem.hpp"

namespace {

using clb::testing::choice;
using clb::testing::MadeTask;
using clb::testing::Settings;
using clb::testing::value;
using torch::Tensor;
using Bench = clb::testing::MethodBench<Gpm>;

struct Trained {
  double moved;   // of the first task's logits on its own images while the second was learned
  double own[2];  // share of right answers in each task after the second
  double updates;
};

// Eight images of five tokens in 64 dimensions: room is left beside them.
Trained train(double share, Settings settings = {}) {
  settings["share"] = value(share);
  settings.try_emplace("epochs", value(int64_t{15}));
  settings.try_emplace("lr", value(0.05));
  settings["batch_size"] = value(int64_t{4});
  Bench bench(settings, clb::testing::made_weights());
  bench.train(MadeTask(0).samples(), 2);
  const Tensor before = bench.predict(MadeTask(0).samples());
  bench.train(MadeTask(1).samples(), 4);
  const Tensor after = bench.predict(MadeTask(0).samples());
  return {.moved = (after.narrow(1, 0, 2) - before).abs().max().item<double>(),
          .own = {MadeTask(0).right(after), MadeTask(1).right(bench.predict(MadeTask(1).samples()))},
          .updates = bench.metrics.at("updates").at(0).second};
}

TEST(Gpm, OldTasksComeOutAsTheyDid) {
  const Trained kept = train(1), free = train(0);
  EXPECT_LT(kept.moved, 1e-3) << "updates lie in the complement of what the first task put in";
  EXPECT_GT(free.moved, 0.05);
  EXPECT_GT(kept.own[0], 0.9);
  EXPECT_GT(kept.own[1], 0.9) << "and the second task is learned there";
}

TEST(Gpm, ALengthInUpdatesRules) { EXPECT_EQ(train(0.9, {{"iterations", value(int64_t{7})}, {"schedule", choice("linear")}}).updates, 7); }

}  // namespace
