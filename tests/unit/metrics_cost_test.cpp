// Metrics that are read from records other than counts: predictions, times, memory, state, updates.
#include <clb/meta.h>

#include <clb/metrics/metric.hpp>

#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using metrics::Run;

Run run() {
  const std::vector<base::Span> spans{{"load", -1, 0.5, 0},    {"create", -1, 0.25, 0},   {"train_task", 0, 2, 0}, {"features", 0, 4, 0},
                                      {"train_task", 1, 3, 0}, {"end_task", 1, 0.125, 0}, {"evaluate", 0, 1, 0},   {"evaluate", 1, 1.5, 0}};
  return {.matrix = metrics::AccuracyMatrix(stream::StreamShape::of_parts(2)),
          .seconds = 12.375,
          .scalars = {{"updates", 0, 0, 125},
                      {"updates", 1, 1, 120},
                      {"alignment/updates", 1, 1, 7},
                      {"trainable_parameters", 0, 0, 900},
                      {"trainable_parameters", 1, 1, 1000},
                      {"state_parameter_bytes", 0, 0, 300},
                      {"state_parameter_bytes", 1, 1, 400}},
          .resources = {{"cached_seconds_saved", 10},
                        {"forwards_saved", 5},
                        {"seconds_waited", 3.09375},
                        {"peak_rss_bytes", 8e9},
                        {"peak_rss_bytes.train_task", 7e9},
                        {"peak_device_bytes", 0},
                        {"state_bytes", 1000},
                        {"exemplar_bytes", 50}},
          .capabilities = 0,
          .spans = [spans] { return spans; },
          .predicted = {}};
}

double value(const Run& r, const char* id) {
  const metrics::Result result = metrics::find(id).compute(r);
  EXPECT_TRUE(result.value) << id << ": " << result.dash;
  return result.value.value_or(-1e9);
}

std::string dash(const Run& r, const char* id) {
  const metrics::Result result = metrics::find(id).compute(r);
  EXPECT_FALSE(result.value) << id;
  return result.dash;
}

TEST(MetricsOfCost, TimesAreSumsOfSpansAndOfWhatTheCacheSaved) {
  EXPECT_DOUBLE_EQ(value(run(), "time.train"), 5.375);
  EXPECT_DOUBLE_EQ(value(run(), "time.features"), 14);
  EXPECT_DOUBLE_EQ(value(run(), "time.evaluate"), 2.5);
  EXPECT_DOUBLE_EQ(value(run(), "time.total"), 22.375);
  EXPECT_DOUBLE_EQ(value(run(), "time.waited"), 0.25);
  EXPECT_EQ(dash(run(), "time.processor"), "the run recorded no processor_seconds");
  metrics::Run loaded = run();
  loaded.resources["processor_seconds"] = 30;
  loaded.resources["others_share"] = 0.4;
  EXPECT_DOUBLE_EQ(value(loaded, "time.processor"), 30);
  EXPECT_DOUBLE_EQ(value(loaded, "load.others"), 0.4);
  metrics::Run unknown = run();
  unknown.resources.erase("cached_seconds_saved");
  EXPECT_EQ(dash(unknown, "time.total"), "the cost of the cached features is unknown");
}

TEST(MetricsOfCost, MemoryAndStateByKind) {
  EXPECT_DOUBLE_EQ(value(run(), "memory.host"), 8e9);
  EXPECT_DOUBLE_EQ(value(run(), "memory.host.train"), 7e9);
  EXPECT_EQ(dash(run(), "memory.host.evaluate"), "the run recorded no peak_rss_bytes.evaluate");
  EXPECT_EQ(dash(run(), "memory.device"), "the run used no device memory");
  EXPECT_DOUBLE_EQ(value(run(), "state.total"), 1050);
  EXPECT_DOUBLE_EQ(value(run(), "state.parameters"), 400) << "after the last task";
  EXPECT_DOUBLE_EQ(value(run(), "state.statistics"), 600);
  EXPECT_DOUBLE_EQ(value(run(), "state.exemplars"), 50);
}

TEST(MetricsOfCost, WhatGradientsMoved) {
  EXPECT_DOUBLE_EQ(value(run(), "params.trained"), 1000);
  EXPECT_DOUBLE_EQ(value(run(), "updates"), 245) << "of the main fits";
  metrics::Run silent = run();
  silent.scalars.clear();
  EXPECT_EQ(dash(silent, "updates"), "the method recorded no updates");
  silent.capabilities = CLB_CAP_STATISTICS_ONLY;
  EXPECT_DOUBLE_EQ(value(silent, "updates"), 0);
  EXPECT_DOUBLE_EQ(value(silent, "params.trained"), 0);
  silent.capabilities = 0;
  silent.scalars = {{"trainable_parameters", 0, 0, 0}};
  EXPECT_DOUBLE_EQ(value(silent, "updates"), 0) << "a tuner that is switched off";
}

TEST(MetricsOfCost, ATaskIsFoundWhenThePredictedClassIsOneOfItsClasses) {
  metrics::Run r = run();
  EXPECT_EQ(dash(r, "acc.task_id"), "no predictions are stored");
  r.predicted = [] { return metrics::Predicted{{5, 3, 1, 0, 9, -1, 5}, {3, 3, 3, 1, 1, 1, 8}, {{5, 3}, {1, 0}}}; };
  // Right tasks: 5 for 3, 3 for 3, 0 for 1. Wrong: 1 for 3. Not counted: 9 is no seen class, -1 not evaluated, 8 is no seen class.
  EXPECT_DOUBLE_EQ(value(r, "acc.task_id"), 3.0 / 4);
  r.predicted = [] { return metrics::Predicted{{5}, {5}, {{5, 3}, {5, 3}}}; };
  EXPECT_EQ(dash(r, "acc.task_id"), "its tasks share their classes");
}

TEST(MetricsOfCost, TheCurveIsTheAccuracyHadTheRunEndedThere) {
  metrics::AccuracyMatrix m(stream::StreamShape::of_parts(2));
  m.add(0, {0, 10, 8, 10, 8, 0});
  m.add(1, {0, 10, 6, 10, 8, 0});
  m.add(1, {1, 30, 20, 30, 25, 0});
  EXPECT_DOUBLE_EQ(*metrics::accuracy_after(m, 0).value, 0.8);
  EXPECT_DOUBLE_EQ(*metrics::accuracy_after(m, 1).value, 26.0 / 40);
  EXPECT_FALSE(metrics::accuracy_after(m, 2).value);
}

}  // namespace
}  // namespace clb::results_test
