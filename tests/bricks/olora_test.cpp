// A method of low-rank deltas, made of nn's bricks alone: it learns, and its penalty does what it is for.
#include "olora.cpp"

#include "made_problem.hpp"

namespace {

using clb::testing::MadeTask;
using clb::testing::value;
using Bench = clb::testing::MethodBench<OLora>;

struct Trained {
  double overlap;  // after the second task
  double own;      // share of right answers among the classes of the last task
};

Trained train(double orthogonality, std::string* state = nullptr) {
  Bench bench({{"orthogonality", value(orthogonality)}, {"lr", value(0.02)}, {"epochs", value(int64_t{12})}, {"rank", value(int64_t{2})}},
              clb::testing::made_weights());
  for (int64_t t = 0; t < 2; ++t) bench.train(MadeTask(t).samples(), 2 * t + 2);
  if (state != nullptr) *state = bench.save();
  return {bench.metrics.at("overlap").at(0).second, MadeTask(1).right(bench.predict(MadeTask(1).samples()))};
}

TEST(OLora, LearnsAndKeepsItsDeltasApart) {
  const Trained free = train(0), apart = train(10);
  EXPECT_GT(free.own, 0.9);
  EXPECT_GT(apart.own, 0.9);
  EXPECT_GT(free.overlap, 1e-3);
  EXPECT_LT(apart.overlap, 0.05 * free.overlap) << "the new A is orthogonal to the old one";
}

TEST(OLora, ItsStateIsAllThatItIs) {
  std::string state;
  const double own = train(1, &state).own;
  Bench again({{"rank", value(int64_t{2})}}, clb::testing::made_weights());
  again.load(state, 64);
  EXPECT_EQ(again.save(), state);
  EXPECT_EQ(MadeTask(1).right(again.predict(MadeTask(1).samples())), own);
}

}  // namespace
