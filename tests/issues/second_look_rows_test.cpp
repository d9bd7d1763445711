// What a second look denies is said wherever a row is shown, and is evidence of nothing.
#include <clb/audit/audit.hpp>
#include <clb/base/file.hpp>
#include <clb/compare/gate.hpp>
#include <clb/report/leaderboard.hpp>
#include <clb/report/reference.hpp>
#include <clb/report/table.hpp>
#include <clb/store/merge.hpp>

#include "unit/compare_fixture.hpp"

namespace clb::results_test {
namespace {

const base::SecondLook kDiffers{.outcome = "differs",
                                .reason = "its saved state predicts otherwise in a fresh process for 37 of 50 test samples",
                                .samples = 50,
                                .differing = 37,
                                .near_ties = 1,
                                .seconds = 2.5,
                                .confined = true};
const char* const kSection = "not ranked: a fresh process does not predict the same from the saved state";

class SecondLookRows : public ResultsTest {
 protected:
  // Two methods of three seeds each; one seed of l2p is denied.
  void fill() {
    store::Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) {
      make_attempt(store, trained_spec(seed), {.wrong = {1, 2, 3}});
      store.add_second_look(make_attempt(store, trained_spec(seed, 0.01, "l2p"), {.wrong = {0, 1, 1}}),
                            seed == 1 ? kDiffers : base::SecondLook{.outcome = "same", .reason = {}, .samples = 50, .confined = true});
    }
  }
  std::string table(report::Format format) const {
    report::TableOptions options;
    options.format = format;
    return report::render_table(reader(), options);
  }
};

TEST_F(SecondLookRows, EveryFormatSaysItAndNoneRanksTheRow) {
  fill();
  for (const auto format : {report::Format::kText, report::Format::kMarkdown, report::Format::kLatex, report::Format::kCsv}) {
    const std::string text = table(format);
    EXPECT_NE(text.find(kSection), std::string::npos) << text;
    EXPECT_NE(text.find("not ranked: " + kDiffers.reason), std::string::npos) << text;
    EXPECT_NE(text.find("no second look was taken"), std::string::npos) << text;  // of the other method
  }
  const base::Json json = base::Json::parse(table(report::Format::kJson));
  const base::Json& sections = json.at("tables").at(0).at("sections");
  ASSERT_EQ(sections.size(), 2u);
  EXPECT_EQ(sections[0].at("rows").size(), 1u);
  EXPECT_EQ(sections[0].at("rows")[0].at("second_look"), "none");
  EXPECT_EQ(sections[1].at("title"), kSection);
  const base::Json& row = sections[1].at("rows").at(0);
  EXPECT_EQ(row.at("second_look"), "differs");
  EXPECT_EQ(row.at("against_best"), nullptr);
  EXPECT_EQ(row.at("runs").at(1).at("second_look").at("differing"), 37);
}

TEST_F(SecondLookRows, ItReproducesNothing) {
  fill();
  EXPECT_EQ(report::measured_runs(reader()).size(), 5u);
}

TEST_F(SecondLookRows, ThePageHasABadgeAndTheRunItsNumbers) {
  fill();
  report::LeaderboardOptions options;
  options.out = folder_ / "site";
  options.templates = fs::path(CLB_BINARY_DIR) / "share/clbench/leaderboard";
  report::write_leaderboard(reader(), options);
  const std::string index = base::read_file(folder_ / "site/index.html");
  EXPECT_NE(index.find("second look differs"), std::string::npos);
  EXPECT_NE(index.find(kDiffers.reason), std::string::npos);
  size_t pages = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "site/run"))
    pages += base::read_file(entry.path()).find(kDiffers.reason + ", near ties that fall otherwise: 1") != std::string::npos;
  EXPECT_EQ(pages, 1u);
}

TEST_F(SecondLookRows, TheGateCallsNothingUnchangedThatIsDenied) {
  const auto file_of = [&](const std::string& name, std::optional<base::SecondLook> look) {
    store::Store store = store::Store::open(file(name), store::Store::Mode::kWrite);
    for (int64_t seed = 0; seed < 3; ++seed) {
      const int64_t attempt = make_attempt(store, trained_spec(seed), {.wrong = {1, 2, 3}, .commit = name});
      if (look && seed == 0) store.add_second_look(attempt, *look);
    }
  };
  file_of("sound.sqlite", std::nullopt);
  file_of("again.sqlite", std::nullopt);
  file_of("denied.sqlite", kDiffers);
  const auto gate = [&](const char* base, const char* head) {
    return compare::gate(compare::parse_file_ref(file(base).string()), compare::parse_file_ref(file(head).string()), {});
  };
  EXPECT_EQ(gate("sound.sqlite", "again.sqlite").overall, compare::Verdict::kUnchanged);
  const auto worse = gate("sound.sqlite", "denied.sqlite");
  EXPECT_EQ(worse.overall, compare::Verdict::kRegression);
  EXPECT_NE(worse.conclusion.find(kDiffers.reason), std::string::npos) << worse.conclusion;
  EXPECT_EQ(gate("denied.sqlite", "sound.sqlite").overall, compare::Verdict::kCannotTell);
}

TEST_F(SecondLookRows, AMergeCarriesItAndAnAuditChecksIt) {
  fill();
  store::merge(file("merged.sqlite"), {file()});
  const auto merged = store::Store::open(file("merged.sqlite"), store::Store::Mode::kRead);
  size_t denied = 0;
  for (const store::RunRow& run : merged.light_runs()) denied += run.marked();
  EXPECT_EQ(denied, 1u);
  {
    store::Store store = writer();
    store.add_second_look(make_attempt(store, trained_spec(7), {}), {.outcome = "same", .reason = {}, .samples = 500, .differing = 3});
  }
  std::string said;
  for (const auto& run : audit::audit(file(), {}).runs)
    for (const std::string& difference : run.differences) said += difference + "\n";
  EXPECT_NE(said.find("its second look is at 500 samples, of which 60 were evaluated"), std::string::npos) << said;
  EXPECT_NE(said.find("its second look is 'same' with 3 differing predictions"), std::string::npos) << said;
}

}  // namespace
}  // namespace clb::results_test
