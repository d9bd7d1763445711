// clbench history: points, change points, annotations.
#include <clb/compare/gate.hpp>
#include <clb/compare/history.hpp>

#include "compare_fixture.hpp"

namespace clb::results_test {
namespace {

using store::Store;

class HistoryTest : public ResultsTest {
 protected:
  // Six commits of three seeds; from c4 on two more samples of 60 are wrong.
  void fill() {
    Store store = writer();
    for (int64_t commit = 1; commit <= 6; ++commit) {
      for (int64_t seed = 0; seed < 3; ++seed)
        make_attempt(store, trained_spec(seed), {.wrong = {commit < 4 ? 1 : 3, seed}, .commit = "c" + std::to_string(commit)});
    }
  }
};

TEST_F(HistoryTest, a_step_and_its_size) {
  fill();
  const compare::History h = compare::history(reader(), "finetune", "acc.last.sample");
  ASSERT_EQ(h.points.size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(h.points[i].commit, "c" + std::to_string(i + 1));
    EXPECT_EQ(h.points[i].step, i == 3) << i;
    EXPECT_EQ(h.points[i].summary.spread, "t95");
  }
  EXPECT_NEAR(h.points[3].step_size, -2.0 / 60, 1e-12);
  EXPECT_NEAR(h.points[0].summary.mean, 58.0 / 60, 1e-12);
  EXPECT_EQ(compare::history(reader(), h.key.substr(0, 10), "acc.last.sample").key, h.key);
  EXPECT_NE(history_text(h).find("step of -3.33 points"), std::string::npos) << history_text(h);
  const std::string csv = history_csv(h);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 7);
  EXPECT_EQ(base::parse_json(history_json(h), "history").at("points").size(), 6u);
}

TEST_F(HistoryTest, annotations_stay_with_their_commit) {
  fill();
  {
    Store store = writer();
    EXPECT_EQ(compare::annotate(store, "finetune", "c4", "me", "new, \"better\" resize"), "c4");
    EXPECT_NE(sentence([&] { compare::annotate(store, "finetune", "d", "me", "x"); }).find("c1, c2"), std::string::npos);
    EXPECT_NE(sentence([&] { compare::annotate(store, "finetune", "c", "me", "x"); }).find("more than one"), std::string::npos);
  }
  const compare::History h = compare::history(reader(), "finetune", "acc.last.sample");
  EXPECT_EQ(h.points[3].annotations, std::vector<std::string>{"new, \"better\" resize"});
  EXPECT_TRUE(h.points[2].annotations.empty());
  EXPECT_NE(history_csv(h).find("\"new, \"\"better\"\" resize\""), std::string::npos);
}

TEST_F(HistoryTest, series_are_told_apart_by_machine_and_configuration) {
  {
    Store store = writer();
    make_attempt(store, trained_spec(0), Made{});
    make_attempt(store, trained_spec(0), {.wrong = {}, .cpu = "Other CPU"});
    make_attempt(store, trained_spec(0, 0.03), Made{});
  }
  EXPECT_EQ(compare::list_series(reader()).size(), 3u);
  const std::string many = sentence([&] { compare::history(reader(), "finetune", "acc.last.sample"); });
  EXPECT_NE(many.find("Other CPU"), std::string::npos) << many;
  EXPECT_EQ(compare::history(reader(), "finetune,lr=0.03", "acc.last.sample").points.size(), 1u);
  EXPECT_NE(sentence([&] { compare::history(reader(), "nothing", "acc.last.sample"); }).find("finetune,lr=0.03"), std::string::npos);
}

TEST_F(HistoryTest, the_gate_tells_change_points) {
  fill();
  const std::string path = file().string();
  const compare::GateReport report = compare::gate(compare::parse_file_ref(path + "@c5"), compare::parse_file_ref(path + "@c6"), {});
  EXPECT_EQ(report.overall, compare::Verdict::kUnchanged);
  ASSERT_EQ(report.series[0].notes.size(), 1u);
  EXPECT_EQ(report.series[0].notes[0], "history: the line steps by -3.33 at c4");
}

}  // namespace
}  // namespace clb::results_test
