// Marks against the best row, and intervals over seeds and test images, on results whose answer is known.
#include <clb/report/table.hpp>
#include <cmath>
#include <set>

#include "report_fixture.hpp"

namespace clb::results_test {
namespace {

using report::TableOptions;

class ReportBest : public ReportTest {
 protected:
  static constexpr int64_t kImages = 300;  // 100 of each task

  // Three tasks of two classes, the first of which is the one of images first * 100 and up; image i of a task is right when
  // right(task, i, seed) says so.
  template <class Right>
  void add(Store& store, const std::string& method, int64_t seed, Right right, bool predictions = true, int64_t first = 0) {
    base::RunSpec spec = sample_spec(seed, method);
    spec.protocol.order_seed = first;
    const int64_t attempt = store.begin_attempt(spec, sample_start());
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < kImages; ++i) labels.push_back(2 * (i / 100) + i % 2);
    if (predictions) store.add_targets(attempt, {"test", labels});
    for (int64_t t = 0; t < 3; ++t) {
      base::TaskDone done;
      done.task = t;
      done.classes = {2 * ((t + first) % 3), 2 * ((t + first) % 3) + 1};
      done.logit_hash = fake_hash("x");
      for (int64_t g = 0; g <= t; ++g) done.evals.push_back({g, 100, 0, 0, 0, 0});
      for (int64_t i = 0; i < kImages; ++i) {
        const int64_t group = (i / 100 - first + 3) % 3, label = labels[static_cast<size_t>(i)];
        const bool good = group <= t && right(group, i % 100, seed);
        if (group <= t) done.evals[static_cast<size_t>(group)].correct += good;
        if (predictions) done.predictions.push_back(group > t ? -1 : good ? label : (label + 1) % 2);
      }
      if (!predictions) done.predictions.clear();
      store.add_task(attempt, done);
    }
    store.add_status(attempt, {"ok", "", "", ""});
  }

  base::Json row(const std::string& method) {
    TableOptions options;
    options.format = report::Format::kJson;
    options.metrics = {"acc.last.sample", "forget.max_prev"};
    const base::Json json = base::parse_json(render_table(reader(), options), "table");
    for (const base::Json& r : json.at("/tables/0/sections/0/rows"_json_pointer))
      if (r.at("method") == method) return r;
    return {};
  }
};

TEST_F(ReportBest, PairsOnSeedsAndAdjustsForTheNumberOfRows) {
  {
    Store store = writer();
    for (int64_t seed = 0; seed < 5; ++seed) {
      add(store, "best", seed, [](int64_t, int64_t i, int64_t s) { return i < 80 + s; });
      add(store, "close", seed, [](int64_t, int64_t i, int64_t s) { return i < 80 + (s * 3) % 5; });
      add(store, "far", seed, [](int64_t, int64_t i, int64_t s) { return i < 60 + s + s % 2; });
      if (seed < 2) add(store, "short", seed, [](int64_t, int64_t i, int64_t) { return i < 50; });
    }
  }
  std::set<std::string> verdicts{row("best").at("against_best").at("verdict"), row("close").at("against_best").at("verdict")};
  EXPECT_EQ(verdicts, (std::set<std::string>{"best", "not distinguishable"}));
  const base::Json far = row("far").at("against_best");
  EXPECT_EQ(far.at("verdict"), "below");
  EXPECT_EQ(far.at("pairs"), 5);
  EXPECT_GE(far.at("p_adjusted").get<double>(), 3 * far.at("p").get<double>()) << "three pairs of rows";
  EXPECT_LT(far.at("p_adjusted").get<double>(), 0.05);
  EXPECT_NEAR(far.at("difference").at("low").get<double>() + far.at("difference").at("high").get<double>(), 2 * 0.192, 0.03);
  EXPECT_EQ(row("far").at("rank"), (base::Json{{"low", 3}, {"high", 4}, {"groups", {2}}})) << "who was too short may be worse";
  EXPECT_EQ(row("close").at("rank").at("groups"), base::Json{1});
  EXPECT_EQ(row("short").at("against_best").at("verdict"), "cannot tell");
  TableOptions options;
  const std::string text = render_table(reader(), options);
  EXPECT_NE(text.find(" ≈"), std::string::npos) << text;
  EXPECT_NE(text.find(" ?"), std::string::npos) << text;
  EXPECT_NE(text.find("nor that they are equal"), std::string::npos);
}

// Methods that draw nothing: 240 of 300 against 225, all of the 15 lost by the second. Student's t of 15 ones and 285 zeros: p = 1.0e-4.
TEST_F(ReportBest, WithoutSpreadOverSeedsTheTestImagesDecide) {
  {
    Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) {
      add(store, "best", seed, [](int64_t, int64_t i, int64_t) { return i < 80; });
      add(store, "below", seed, [](int64_t, int64_t i, int64_t) { return i < 75; });
      add(
          store, "blind", seed, [](int64_t, int64_t i, int64_t) { return i < 10; }, false);
    }
  }
  const base::Json below = row("below").at("against_best");
  EXPECT_EQ(below.at("verdict"), "below");
  EXPECT_NEAR(below.at("p").get<double>(), 9.2e-5, 5e-6);
  EXPECT_EQ(below.at("pairs"), 1);
  EXPECT_EQ(row("blind").at("against_best").at("verdict"), "cannot tell") << "no predictions";
}

TEST_F(ReportBest, IntervalsHoldForOtherImages) {
  {
    Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) {
      add(store, "still", seed, [](int64_t, int64_t i, int64_t) { return i < 80; });
      add(
          store, "turned", seed, [](int64_t, int64_t i, int64_t) { return i < 80; }, true, seed);
      add(
          store, "blind", seed, [](int64_t, int64_t i, int64_t s) { return i < 70 + s; }, false);
      if (seed < 2) add(store, "short", seed, [](int64_t, int64_t i, int64_t) { return i < 80; });
    }
  }
  // Every seed is the same, also under another class order, so that the spread is that of 300 draws with p = 0.8: standard error sqrt(0.16
  // / 300).
  const double half = 1.96 * std::sqrt(0.16 / 300);
  for (const char* method : {"still", "turned"}) {
    const base::Json cell = row(method).at("cells").at("acc.last.sample");
    EXPECT_EQ(cell.at("spread"), method == std::string("still") ? "images95" : "units-images95");
    EXPECT_EQ(cell.at("n"), method == std::string("still") ? 1 : 3) << "equal results count once";
    EXPECT_NEAR(cell.at("low").get<double>(), 0.8 - half, 0.02 * half) << method;
    EXPECT_NEAR(cell.at("high").get<double>(), 0.8 + half, 0.02 * half) << method;
  }
  const base::Json nothing_forgotten = row("still").at("cells").at("forget.max_prev");
  EXPECT_DOUBLE_EQ(nothing_forgotten.at("low").get<double>(), 0) << "in no resample is anything forgotten";
  EXPECT_EQ(row("blind").at("cells").at("acc.last.sample").at("spread"), "t95") << "no predictions";
  EXPECT_EQ(row("short").at("cells").at("acc.last.sample").at("spread"), "images95") << "two seeds, one result";
  const std::string text = render_table(reader(), TableOptions{});
  for (const char* said :
       {"1 distinct result of 3 runs: ±i is over test images alone", "±t, for other seeds or orders alone: no predictions",
        "n counts class orders", "one class order: n counts its seeds"})
    EXPECT_NE(text.find(said), std::string::npos) << said << " in\n" << text;
}

// Five seeds of each of three class orders: what was drawn independently are three orders.
TEST_F(ReportBest, AClassOrderIsAUnitWhereSeveralWereRun) {
  {
    Store store = writer();
    for (int64_t order = 0; order < 3; ++order)
      for (int64_t seed = 0; seed < 5; ++seed)
        for (const int64_t skill : {60, 70})
          add(
              store, skill == 60 ? "low" : "high", seed, [&](int64_t, int64_t i, int64_t s) { return i < skill + s + 5 * order; }, false,
              order);
  }
  const base::Json cell = row("low").at("cells").at("acc.last.sample");
  EXPECT_EQ(cell.at("n"), 3);
  EXPECT_NEAR(cell.at("mean").get<double>(), 0.67, 1e-12);
  EXPECT_NEAR(cell.at("high").get<double>(), 0.67 + 4.302652729749464 * 0.05 / std::sqrt(3.0), 1e-12) << "of 62, 67 and 72 %";
  EXPECT_EQ(row("low").at("units"), (base::Json{{"of", "class orders"}, {"n", 3}, {"orders", 3}, {"runs", 15}, {"distinct_results", 15}}));
}

}  // namespace
}  // namespace clb::results_test
