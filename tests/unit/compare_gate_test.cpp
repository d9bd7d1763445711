// clbench gate: every answer, from runs made for it.
#include <clb/compare/gate.hpp>
#include <cmath>

#include "compare_fixture.hpp"

namespace clb::results_test {
namespace {

using compare::Gauge;
using compare::Verdict;
using store::Store;

class Gate : public ResultsTest {
 protected:
  Store base() const { return Store::open(file("base.sqlite"), Store::Mode::kWrite); }
  Store head() const { return Store::open(file("head.sqlite"), Store::Mode::kWrite); }
  compare::Ref ref(const std::string& name) const { return compare::parse_file_ref((folder_ / name).string()); }
  compare::GateReport gate(const compare::GateOptions& options = {}) const {
    return compare::gate(ref("base.sqlite"), ref("head.sqlite"), options);
  }
  // Base and head alternately, so that times can be gated.
  void fill(int64_t seeds, const Made& was, const Made& is, bool frozen = false, double lr = 0.01) const {
    Store b = base(), h = head();
    for (int64_t seed = 0; seed < seeds; ++seed) {
      Made before = was, after = is;
      if (!before.wrong.empty()) before.wrong[1] += seed;
      if (!after.wrong.empty()) after.wrong[1] += seed;
      make_attempt(b, frozen ? frozen_spec(seed) : trained_spec(seed), before);
      make_attempt(h, frozen ? frozen_spec(seed) : trained_spec(seed, lr), after);
    }
  }
  static const Gauge& gauge(const compare::GateReport& report, const std::string& what, size_t series = 0) {
    const auto& gauges = report.series.at(series).gauges;
    const auto found = std::ranges::find(gauges, what, &Gauge::what);
    if (found == gauges.end()) throw std::out_of_range("no gauge " + what);
    return *found;
  }
};

TEST_F(Gate, equal_logits_are_unchanged_even_with_two_seeds) {
  fill(2, {.wrong = {1, 1}}, {.wrong = {1, 1}, .commit = "bbb222"});
  const compare::GateReport report = gate();
  EXPECT_EQ(gauge(report, "accuracy").verdict, Verdict::kUnchanged);
  EXPECT_EQ(report.overall, Verdict::kUnchanged);
  EXPECT_EQ(report.exit_code(), 0);
}

TEST_F(Gate, two_seeds_cannot_tell) {
  fill(2, {.wrong = {1, 1}}, {.wrong = {5, 5}});
  const compare::GateReport report = gate();
  EXPECT_EQ(gauge(report, "accuracy").verdict, Verdict::kCannotTell);
  EXPECT_NE(gauge(report, "accuracy").why.find("2 seeds, at least 3 that differ are needed"), std::string::npos);
  EXPECT_EQ(report.exit_code(), 4);
}

// Three class orders with two seeds each are three draws, not six.
TEST_F(Gate, class_orders_are_units_where_several_were_run) {
  {
    Store b = base(), h = head();
    for (int64_t seed = 0; seed < 2; ++seed) {
      for (int64_t order = 0; order < 3; ++order) {
        base::RunSpec spec = trained_spec(seed);
        spec.protocol.order_seed = order;
        std::rotate(spec.protocol.class_order.begin(), spec.protocol.class_order.begin() + order, spec.protocol.class_order.end());
        make_attempt(b, spec, {.wrong = {1 + seed}});
        make_attempt(h, spec, {.wrong = {5 + order}});
      }
    }
  }
  const Gauge accuracy = gauge(gate(), "accuracy");
  EXPECT_EQ(accuracy.n, 3u);
  EXPECT_EQ(accuracy.units, "3 class orders (6 runs)");
  EXPECT_NEAR(accuracy.change, (1.5 - 6.0) / 60, 1e-15);
}

TEST_F(Gate, a_drop_beyond_the_floor_is_a_regression) {
  fill(3, {.wrong = {1, 1}}, {.wrong = {5, 5}}, false, 0.03);  // lr three times as high: another configuration of the same method
  const compare::GateReport report = gate();
  const Gauge& accuracy = gauge(report, "accuracy");
  EXPECT_EQ(accuracy.verdict, Verdict::kRegression);
  EXPECT_NEAR(accuracy.change, -8.0 / 60, 1e-15);
  EXPECT_EQ(accuracy.floor, compare::kTrainedFloor);
  EXPECT_FALSE(accuracy.over_images) << "a trained method";
  EXPECT_EQ(report.series[0].notes.at(0), "changed: lr (0.01 against 0.03)");
  EXPECT_EQ(report.exit_code(), 1);
  EXPECT_TRUE(report.conclusion.starts_with("Regression: accuracy of finetune on cifar100 B0-Inc2")) << report.conclusion;
}

TEST_F(Gate, an_interval_that_reaches_beyond_the_floor_cannot_tell) {
  {
    Store b = base(), h = head();
    for (int64_t seed = 0; seed < 3; ++seed) {
      make_attempt(b, trained_spec(seed), {.wrong = {3}});
      make_attempt(h, trained_spec(seed), {.wrong = {2 + seed}});  // + 1, 0, - 1 samples
    }
  }
  EXPECT_EQ(gauge(gate(), "accuracy").verdict, Verdict::kCannotTell);
  EXPECT_EQ(gate().exit_code(), 4);
  compare::GateOptions wide;
  wide.floor = 0.1;
  EXPECT_EQ(gauge(gate(wide), "accuracy").verdict, Verdict::kNoRegression);
  EXPECT_EQ(gate(wide).exit_code(), 0);
}

TEST_F(Gate, a_gain_is_no_regression) {
  fill(3, {.wrong = {5, 5}}, {.wrong = {1, 1}});
  EXPECT_EQ(gauge(gate(), "accuracy").verdict, Verdict::kImproved);
  EXPECT_EQ(gate().exit_code(), 0);
}

// One result whatever the seed: only the build can have flipped 14 predictions, and only other images could tell otherwise.
TEST_F(Gate, images_decide_where_frozen_features_give_one_result) {
  {
    Store b = base(), h = head();
    for (int64_t seed = 0; seed < 3; ++seed) {
      make_attempt(b, frozen_spec(seed), {.wrong = {1, 1}});
      make_attempt(h, frozen_spec(seed), {.wrong = {8, 8}});
    }
  }
  const Gauge accuracy = gauge(gate(), "accuracy");
  EXPECT_TRUE(accuracy.over_images);
  EXPECT_EQ(accuracy.n, 1u);
  EXPECT_EQ(accuracy.units, "1 distinct result of 3 seeds");
  EXPECT_EQ(accuracy.floor, compare::kFrozenFloor);
  EXPECT_EQ(accuracy.flips->n, 60) << "equal results count once";
  EXPECT_EQ(accuracy.flips->only_a, 14);
  EXPECT_NEAR(*accuracy.p, std::pow(2.0, -13), 1e-15);
  EXPECT_NEAR(accuracy.interval->high, -14.0 / 60 + 1.959964 * std::sqrt((14.0 / 60 - std::pow(14.0 / 60, 2)) / 60), 1e-9);
  EXPECT_EQ(accuracy.verdict, Verdict::kRegression);
}

// The same of a method that trains: three copies of one result are one draw, and the remark asks why.
TEST_F(Gate, images_decide_nothing_for_a_trained_method) {
  {
    Store b = base(), h = head();
    for (int64_t seed = 0; seed < 3; ++seed) {
      make_attempt(b, trained_spec(seed), {.wrong = {1, 1}});
      make_attempt(h, trained_spec(seed), {.wrong = {8, 8}});
    }
  }
  const compare::GateReport report = gate();
  EXPECT_EQ(gauge(report, "accuracy").verdict, Verdict::kCannotTell);
  EXPECT_NE(gauge(report, "accuracy").why.find("1 distinct result of 3 seeds, at least 3 that differ"), std::string::npos);
  ASSERT_GE(report.series[0].notes.size(), 2u);
  EXPECT_NE(report.series[0].notes[0].find("seeds 0, 1, 2 of the base made the same predictions"), std::string::npos);
  EXPECT_NE(report.series[0].notes[1].find("seeds 0, 1, 2 of the head made the same predictions"), std::string::npos);
}

// One seed loses 12, one 1, one gains 6: hundreds of flips in all would be "p < 0.001", and seeds say nothing.
TEST_F(Gate, seeds_that_contradict_each_other_cannot_tell) {
  {
    Store b = base(), h = head();
    for (int64_t seed = 0; seed < 3; ++seed) {
      make_attempt(b, trained_spec(seed), {.wrong = {7 - seed, 7}});
      make_attempt(h, trained_spec(seed), {.wrong = {seed == 0 ? 10 : seed == 1 ? 7 : 0, seed == 0 ? 10 : 6}});
    }
  }
  const Gauge accuracy = gauge(gate(), "accuracy");
  EXPECT_FALSE(accuracy.over_images);
  EXPECT_FALSE(accuracy.flips->p) << "three pairs judge the same images";
  EXPECT_EQ(accuracy.verdict, Verdict::kCannotTell);
}

TEST_F(Gate, the_head_ignores_its_seed_where_the_base_does_not) {
  {
    Store b = base(), h = head();
    for (int64_t seed = 0; seed < 3; ++seed) {
      make_attempt(b, frozen_spec(seed), {.wrong = {1 + seed}});
      make_attempt(h, frozen_spec(seed), {.wrong = {2}});
    }
  }
  const compare::GateReport report = gate();
  ASSERT_EQ(report.series[0].notes.size(), 1u);
  EXPECT_NE(report.series[0].notes[0].find("of the head"), std::string::npos);
}

TEST_F(Gate, strict_takes_the_claim_at_its_word) {
  {
    Store b = base(), h = head();
    for (int64_t seed = 0; seed < 3; ++seed) {
      make_attempt(b, frozen_spec(seed), {.wrong = {1 + seed}});
      make_attempt(h, frozen_spec(seed), {.wrong = {seed == 0 ? 0 : 1 + seed}});  // one prediction, and to the better
      make_attempt(b, trained_spec(seed), {.wrong = {1 + seed}});
      make_attempt(h, trained_spec(seed), {.wrong = {1 + seed}});
    }
  }
  EXPECT_NE(gate().exit_code(), 1);
  compare::GateOptions strict;
  strict.strict = true;
  const compare::GateReport report = gate(strict);
  EXPECT_EQ(report.exit_code(), 1);
  for (size_t i = 0; i < 2; ++i) {
    const bool frozen = report.series[i].name.starts_with("simplecil");
    EXPECT_EQ(gauge(report, "repeats", i).verdict, frozen ? Verdict::kRegression : Verdict::kNotGated) << report.series[i].name;
  }
}

TEST_F(Gate, other_logits_with_the_same_predictions_are_no_regression_on_frozen_features) {
  fill(3, {.wrong = {1, 1}, .hash = "old"}, {.wrong = {1, 1}, .hash = "new"}, true);
  const Gauge accuracy = gauge(gate(), "accuracy");
  EXPECT_EQ(accuracy.verdict, Verdict::kNoRegression);
  EXPECT_EQ(accuracy.flips->changed, 0);
}

TEST_F(Gate, equal_hashes_of_cached_features_prove_nothing_of_the_features) {
  fill(3, {.wrong = {1, 1}}, {.wrong = {1, 1}, .saved = 60}, true);
  const compare::GateReport report = gate();
  EXPECT_EQ(gauge(report, "accuracy").verdict, Verdict::kNoRegression);
  EXPECT_NE(gauge(report, "accuracy").why.find("--cache off"), std::string::npos);
  EXPECT_EQ(gauge(report, "time").verdict, Verdict::kNotGated);
}

TEST_F(Gate, on_another_machine_class_hashes_speed_and_memory_are_skipped) {
  fill(3, {.wrong = {1, 1}}, {.wrong = {1, 1}, .cpu = "Other CPU", .seconds = 9, .memory = 9e8});
  const compare::GateReport report = gate();
  EXPECT_EQ(report.series.size(), 1u);
  EXPECT_EQ(gauge(report, "accuracy").verdict, Verdict::kNoRegression);
  EXPECT_NE(gauge(report, "accuracy").why.find("another machine class, logit hashes skipped"), std::string::npos);
  EXPECT_EQ(gauge(report, "time").verdict, Verdict::kNotGated);
  EXPECT_EQ(gauge(report, "memory").verdict, Verdict::kNotGated);
  EXPECT_EQ(report.exit_code(), 0);
}

TEST_F(Gate, slower_or_larger_beyond_five_percent_is_a_regression) {
  fill(3, {.wrong = {1, 1}, .seconds = 3, .memory = 1e8}, {.wrong = {1, 1}, .seconds = 3.3, .memory = 1.04e8});
  const compare::GateReport report = gate();
  EXPECT_EQ(gauge(report, "accuracy").verdict, Verdict::kUnchanged);
  EXPECT_EQ(gauge(report, "time").verdict, Verdict::kRegression);
  EXPECT_NEAR(gauge(report, "time").change, 0.1, 1e-12);
  EXPECT_EQ(gauge(report, "memory").verdict, Verdict::kNoRegression);
  EXPECT_EQ(report.exit_code(), 1);
  compare::GateOptions wide;
  wide.cost_floor = 0.2;
  EXPECT_EQ(gate(wide).exit_code(), 0);
}

TEST_F(Gate, times_of_one_pass_each_are_not_gated) {
  for (const bool is_head : {false, true}) {
    Store store = is_head ? head() : base();
    for (int64_t seed = 0; seed < 5; ++seed) make_attempt(store, trained_spec(seed), {.wrong = {1}, .seconds = is_head ? 3.6 : 3.0});
  }
  const Gauge time = gauge(gate(), "time");
  EXPECT_EQ(time.verdict, Verdict::kNotGated);
  EXPECT_NE(time.why.find("1 pair of passes, at least 3 are needed: base and head have to run in turn"), std::string::npos) << time.why;
}

// Five seeds of one pass are one measurement.
TEST_F(Gate, the_unit_of_time_is_the_pass) {
  for (int64_t pass = 0; pass < 3; ++pass) {
    for (const bool is_head : {false, true}) {
      Store store = is_head ? head() : base();
      for (int64_t seed = 0; seed < 5; ++seed)
        make_attempt(store, trained_spec(seed),
                     {.wrong = {seed}, .seconds = (is_head ? 3.3 : 3.0) + 0.01 * static_cast<double>(pass + seed)});
    }
  }
  const Gauge time = gauge(gate(), "time");
  EXPECT_EQ(time.n, 3u);
  EXPECT_EQ(time.units, "3 pairs of passes");
  EXPECT_NEAR(time.base, 5 * 3.01 + 0.1, 1e-9) << "of the whole pass";
  EXPECT_EQ(time.verdict, Verdict::kRegression);
  compare::GateOptions no_time;
  no_time.time = compare::Time::kOff;
  EXPECT_EQ(gate(no_time).exit_code(), 0);
  EXPECT_EQ(gate(no_time).conclusion.find("time"), std::string::npos) << gate(no_time).conclusion;
}

TEST_F(Gate, a_busy_machine_is_remarked_upon) {
  fill(3, {.wrong = {1, 1}, .others = 0.4}, {.wrong = {1, 1}, .others = 0.05});
  EXPECT_EQ(gate().series.at(0).notes.at(0),
            "the machine was busy: others took 40 % of the processors' time while the base ran, 5 % while the head ran");
}

TEST_F(Gate, a_run_that_fails_now_is_a_regression_and_a_missing_one_is_unknown) {
  {
    Store b = base(), h = head();
    for (int64_t seed = 0; seed < 3; ++seed) {
      make_attempt(b, trained_spec(seed), {.wrong = {1}});
      make_attempt(b, trained_spec(seed, 0.01, "gone"), {.wrong = {1}});
      make_attempt(h, trained_spec(seed), {.wrong = {1}, .status = seed == 1 ? "failed" : "ok"});
      make_attempt(h, trained_spec(seed, 0.01, "fresh"), {.wrong = {1}});
    }
  }
  const compare::GateReport report = gate();
  ASSERT_EQ(report.series.size(), 3u);
  EXPECT_EQ(gauge(report, "runs").verdict, Verdict::kRegression);
  EXPECT_NE(gauge(report, "runs").why.find("loss is not finite"), std::string::npos);
  EXPECT_EQ(gauge(report, "accuracy", 1).verdict, Verdict::kCannotTell);
  EXPECT_EQ(gauge(report, "accuracy", 2).verdict, Verdict::kNotGated);
  EXPECT_EQ(report.exit_code(), 1);
}

// Four series; one drops with p = 0.013 on its own: times four it is no evidence any more.
TEST_F(Gate, p_values_are_adjusted_over_the_series) {
  {
    Store b = base(), h = head();
    for (int64_t seed = 0; seed < 3; ++seed) {
      for (const std::string method : {"one", "two", "three", "four"}) {
        make_attempt(b, trained_spec(seed, 0.01, method), {.wrong = {2}});
        make_attempt(h, trained_spec(seed, 0.01, method), {.wrong = {method == "one" ? 6 + seed : 2 + (seed - 1)}});
      }
    }
  }
  const Gauge one = gauge(gate(), "accuracy");
  EXPECT_LT(*one.p, 0.05);
  EXPECT_NEAR(*one.p_holm, 4 * *one.p, 1e-12);
}

TEST_F(Gate, formats) {
  fill(3, {.wrong = {1, 1}}, {.wrong = {5, 5}});
  const compare::GateReport report = gate();
  approve_in("gate.text.txt", gate_text(report), folder_);
  approve_in("gate.markdown.txt", gate_markdown(report), folder_);
  approve_in("gate.junit.txt", gate_junit(report), folder_);
  const base::Json json = base::parse_json(gate_json(report), "gate");
  EXPECT_EQ(json.at("exit_code"), 1);
  EXPECT_EQ(json.at("verdict"), "regression");
  EXPECT_EQ(json.at("/series/0/gauges/0/flips/lost"_json_pointer), 24);
}

TEST_F(Gate, plan_asks_for_seeds_from_the_spread) {
  fill(3, {.wrong = {1, 1}, .seconds = 60}, {.wrong = {1, 1}, .seconds = 60});  // 2, 3, 4 wrong of 60: sd 1/60
  const auto plan = compare::plan_gate(ref("base.sqlite"), std::nullopt, {});
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_NEAR(plan[0].sd, std::sqrt(2.0) / 60, 1e-12);
  EXPECT_FALSE(plan[0].paired);
  EXPECT_EQ(plan[0].needed, 46);  // SciPy: (t(0.975, 45) + t(0.8, 45)) 0.0235702 / sqrt(46) <= 0.01
  EXPECT_NEAR(plan[0].minutes, 46 + 43, 1e-9);
  const auto paired = compare::plan_gate(ref("base.sqlite"), ref("head.sqlite"), {});
  EXPECT_TRUE(paired[0].paired);
  EXPECT_EQ(paired[0].needed, 3);
}

TEST_F(Gate, mistakes_are_sentences) {
  {
    Store store = base();
    make_attempt(store, trained_spec(0), {.wrong = {1}});
  }
  EXPECT_NE(sentence([&] { compare::gate(ref("base.sqlite"), ref("base.sqlite"), {}); }).find("are the same runs"), std::string::npos);
  EXPECT_NE(sentence([&] { compare::gate(ref("base.sqlite"), ref("none.sqlite"), {}); }).find("none.sqlite"), std::string::npos);
  EXPECT_NE(sentence([&] { compare::gate(ref("base.sqlite@bbb"), ref("base.sqlite"), {}); }).find("aaa111"), std::string::npos);
  sentence([] { compare::parse_file_ref("@abc"); });
}

}  // namespace
}  // namespace clb::results_test
