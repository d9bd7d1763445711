// A file and its copy hold the same attempts: the gate called them "unchanged", as if something had been measured twice.
#include <clb/compare/comparison.hpp>
#include <clb/compare/gate.hpp>
#include <clb/store/merge.hpp>

#include "unit/compare_fixture.hpp"

namespace clb::results_test {
namespace {

using compare::Verdict;
using store::Store;

class CopiedAttempts : public ResultsTest {
 protected:
  void add(const std::string& name, int64_t first, int64_t count, const std::string& hash = "") const {
    Store store = Store::open(file(name), Store::Mode::kWrite);
    for (int64_t seed = first; seed < first + count; ++seed) make_attempt(store, frozen_spec(seed), {.wrong = {1, seed % 3}, .hash = hash});
  }
  compare::Ref ref(const std::string& name) const { return compare::parse_file_ref(file(name).string()); }
  compare::GateReport gate() const { return compare::gate(ref("base.sqlite"), ref("head.sqlite"), {}); }
  compare::Comparison compared(const std::string& a, const std::string& b) const {
    const auto of = [&](const std::string& name) { return compare::parse_ref(file(name).string(), ""); };
    return compare::compare(of(a), of(b), {"acc.last.sample"});
  }
};

TEST_F(CopiedAttempts, a_copy_cannot_tell) {
  add("base.sqlite", 0, 3);
  fs::copy_file(file("base.sqlite"), file("head.sqlite"));
  fs::create_hard_link(file("base.sqlite"), file("hard.sqlite"));
  const compare::GateReport report = gate();
  EXPECT_EQ(report.exit_code(), 4);
  EXPECT_NE(report.conclusion.find("base and head hold the same 3 attempts (by UUID)"), std::string::npos) << report.conclusion;
  for (const char* other : {"head.sqlite", "hard.sqlite", "base.sqlite"}) {
    const compare::Comparison comparison = compared("base.sqlite", other);
    EXPECT_TRUE(comparison.cannot_tell) << other;
    EXPECT_NE(comparison.conclusion.find("A and B hold the same 3 attempts (by UUID)"), std::string::npos) << comparison.conclusion;
  }
}

TEST_F(CopiedAttempts, what_both_hold_is_left_out_and_told) {
  add("base.sqlite", 0, 2);
  fs::copy_file(file("base.sqlite"), file("head.sqlite"));
  add("base.sqlite", 2, 3);
  add("head.sqlite", 2, 3);
  const compare::GateReport report = gate();
  EXPECT_EQ(report.series.at(0).gauges.at(0).n, 3u);
  EXPECT_EQ(report.overall, Verdict::kUnchanged);
  EXPECT_NE(compare::gate_text(report).find("2 attempts are left out: both sides hold them (by UUID)"), std::string::npos);
  for (const compare::Gauge& gauge : report.series.at(0).gauges) EXPECT_LE(gauge.n, 3u) << gauge.what;
  const compare::Comparison comparison = compared("base.sqlite", "head.sqlite");
  EXPECT_EQ(comparison.matched.at(0).ids.size(), 3u);
  EXPECT_EQ(comparison.matched.at(0).unpaired_a, 0u);
  EXPECT_NE(comparison_text(comparison).find("2 attempts are left out"), std::string::npos);
}

TEST_F(CopiedAttempts, what_one_side_added_has_no_partner_among_the_shared) {
  add("base.sqlite", 0, 3);
  fs::copy_file(file("base.sqlite"), file("head.sqlite"));
  add("head.sqlite", 0, 3, "other");  // the same runs again
  for (const auto& [a, b] : {std::pair("base.sqlite", "head.sqlite"), std::pair("head.sqlite", "base.sqlite")}) {
    const compare::GateReport report = compare::gate(ref(a), ref(b), {});
    EXPECT_EQ(report.exit_code(), 4);
    EXPECT_NE(compare::gate_text(report).find("3 attempts are left out: both sides hold them (by UUID)"), std::string::npos)
        << compare::gate_text(report);
  }
}

// Two files that were united with the same third one.
TEST_F(CopiedAttempts, of_merged_files_their_own_attempts_count) {
  add("base.sqlite", 0, 3);
  add("head.sqlite", 0, 3, "other");
  add("common.sqlite", 0, 7);
  for (const char* name : {"base.sqlite", "head.sqlite"}) store::merge(file(name), {file("common.sqlite")});
  const compare::GateReport report = gate();
  EXPECT_EQ(report.series.at(0).gauges.at(0).n, 3u);
  EXPECT_NE(report.overall, Verdict::kUnchanged);
  EXPECT_NE(compare::gate_text(report).find("7 attempts are left out: both sides hold them (by UUID)"), std::string::npos);
}

TEST_F(CopiedAttempts, a_head_without_attempts_of_its_own_cannot_tell) {
  add("base.sqlite", 0, 3);
  fs::copy_file(file("base.sqlite"), file("head.sqlite"));
  for (const char* name : {"base.sqlite", "head.sqlite"}) {
    Store store = Store::open(file(name), Store::Mode::kWrite);
    for (int64_t seed = 0; seed < 3; ++seed) make_attempt(store, trained_spec(seed), {.wrong = {1}});
  }
  const compare::GateReport report = gate();
  EXPECT_EQ(report.exit_code(), 4);
  EXPECT_NE(report.conclusion.find("base and head hold the same 3 attempts"), std::string::npos) << report.conclusion;
}

// A spread of zero between an attempt and itself would promise that few seeds are enough.
TEST_F(CopiedAttempts, a_plan_takes_no_spread_from_them) {
  add("base.sqlite", 0, 3);
  fs::copy_file(file("base.sqlite"), file("head.sqlite"));
  EXPECT_FALSE(compare::plan_gate(ref("base.sqlite"), ref("head.sqlite"), {}).at(0).paired);
}

}  // namespace
}  // namespace clb::results_test
