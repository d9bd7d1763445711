// Frozen files of every schema version stay readable, can be merged, and are continued. tests/compat/store_v<N>.sqlite.zst was written once
// by this test at that version with CLB_FREEZE=FILE and is never written again; a new schema version gets a file of its own.
#include <zstd.h>

#include <clb/audit/audit.hpp>
#include <clb/compare/comparison.hpp>
#include <clb/compare/gate.hpp>
#include <clb/compare/history.hpp>
#include <clb/report/leaderboard.hpp>
#include <clb/report/table.hpp>
#include <clb/store/merge.hpp>
#include <cstdlib>
#include <fstream>

#include "results_fixture.hpp"
#include "schema.hpp"

namespace clb::results_test {
namespace {

using store::Store;

class StoreCompat : public ResultsTest {
 protected:
  void fill() const {
    Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) {
      const int64_t attempt = store.begin_attempt(sample_spec(seed), sample_start());
      base::Hello hello;
      hello.device = "cpu";
      hello.dtype = "float32";
      store.add_hello(attempt, hello);
      store.add_targets(attempt, {"test", {0, 1, 2, 3, 4, 5}});
      store.add_task(attempt, sample_task(0, {20}, {15 + seed}));
      store.add_task(attempt, sample_task(1, {20, 20}, {14, 16}));
      store.add_task(attempt, sample_task(2, {20, 20, 20}, {12, 14, 17}));
      store.add_resource(attempt, {{{"peak_rss_bytes", 5e8}, {"cached_seconds_saved", 30}}});
      if (seed == 1)
        store.add_second_look(attempt, {.outcome = "differs", .reason = "5 of 50", .samples = 50, .differing = 5, .seconds = 2.5});
      store.add_status(attempt, {"ok", "", "", "2025-01-31T12:00:00.000Z"});
    }
    store.add_run(sample_spec(3));
  }
};

std::string read_whole(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void freeze(const std::string& raw, const std::string& target) {
  std::string packed(ZSTD_compressBound(raw.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), raw.data(), raw.size(), 19));
  std::ofstream(target, std::ios::binary) << packed;
}

std::string thawed(size_t version) {
  const std::string packed = read_whole(fs::path(CLB_SOURCE_DIR) / "tests/compat" / ("store_v" + std::to_string(version) + ".sqlite.zst"));
  if (packed.empty()) return {};
  std::string raw(ZSTD_getFrameContentSize(packed.data(), packed.size()), '\0');
  return ZSTD_decompress(raw.data(), raw.size(), packed.data(), packed.size()) == raw.size() ? raw : "";
}

void check(const Store& store, size_t version) {
  const std::vector<store::RunRow> runs = store.runs();
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(runs[3].attempt_id, 0);
  for (int64_t seed = 0; seed < 3; ++seed) {
    const store::RunRow& run = runs[static_cast<size_t>(seed)];
    EXPECT_EQ(run.status.status, "ok");
    EXPECT_EQ(run.status.at, "2025-01-31T12:00:00.000Z");
    EXPECT_EQ(run.seed, seed);
    EXPECT_EQ(run.experiment, "small");
    EXPECT_EQ(run.method, "simplecil");
    EXPECT_EQ(run.track, "common");
    EXPECT_EQ(run.spec.at("protocol").at("split"), "B0-Inc2");
    EXPECT_EQ(store.evals(run.attempt_id).size(), 6u);
    EXPECT_EQ(store.evals(run.attempt_id)[0].count.correct, 15 + seed);
    EXPECT_EQ(store.prediction(run.attempt_id, 2), sample_task(2, {}, {}).predictions);
    EXPECT_EQ(store.targets(run.attempt_id).split, "test");
    EXPECT_EQ(store.resources(run.attempt_id).at("cached_seconds_saved"), 30);
    EXPECT_DOUBLE_EQ(run.wall_s, 4.5);
    EXPECT_EQ(run.look.has_value(), version >= 3 && seed == 1);
    EXPECT_EQ(run.marked(), run.look.has_value());
  }
}

TEST_F(StoreCompat, every_version_is_read_merged_and_continued) {
  if (const char* target = std::getenv("CLB_FREEZE")) {
    fill();
    freeze(read_whole(file()), target);
  }
  for (size_t version = 1; version <= store::migrations().size(); ++version) {
    SCOPED_TRACE("version " + std::to_string(version));
    const std::string raw = thawed(version);
    ASSERT_FALSE(raw.empty()) << "tests/compat has no file of this version; CLB_FREEZE writes the newest";
    const fs::path old = file("v" + std::to_string(version)), merged = file("merged" + std::to_string(version));
    std::ofstream(old, std::ios::binary) << raw;
    check(Store::open(old, Store::Mode::kRead), version);
    store::merge(merged, {old});
    EXPECT_EQ(read_whole(old), raw) << "an input is only read";
    check(Store::open(merged, Store::Mode::kRead), version);
    {
      Store store = Store::open(old, Store::Mode::kWrite);
      check(store, version);
      EXPECT_EQ(fs::exists(old.string() + ".v" + std::to_string(version)), version < store::migrations().size());
      EXPECT_GT(store.begin_attempt(sample_spec(9), sample_start()), 3);
    }
    EXPECT_EQ(Store::open(old, Store::Mode::kRead).runs().size(), 5u);
  }
}

// Not only opened: every spec that was ever stored is parsed, and its keys are those that were stored.
TEST_F(StoreCompat, every_spec_is_read_and_keeps_its_keys) {
  for (size_t version = 1; version <= store::migrations().size(); ++version) {
    SCOPED_TRACE("version " + std::to_string(version));
    std::ofstream(file(), std::ios::binary) << thawed(version);
    const Store store = reader();
    std::set<std::string> tables;
    for (const store::RunRow& row : store.runs()) {
      const base::RunSpec spec = base::RunSpec::from_stored(store.spec(row.run_id), "stored");
      EXPECT_EQ(spec.key(), row.key);
      EXPECT_EQ(row.spec, store.spec(row.run_id));
      EXPECT_EQ(row.spec.at("protocol").at("eval_on"), "seen") << "whoever looks by pointer finds today's members";
      EXPECT_EQ(row.spec.at("dataset").at("modality"), "images");
      tables.insert(row.comparability_key);
    }
    EXPECT_EQ(tables.size(), 1u);
    // What these files count was made up; all that a spec decides is right.
    for (const audit::RunAudit& run : audit::audit(file(), {.run_key = "", .facts = {}, .sha256 = {}, .progress = {}}).runs) {
      for (const std::string& difference : run.differences) EXPECT_EQ(difference.find("attempt "), 0u) << difference;
      EXPECT_EQ(run.counts > 0, run.seed < 3);
    }
    EXPECT_NE(report::render_table(store, {}).find("75.56 ±t 4.14 (3)"), std::string::npos);
    EXPECT_EQ(compare::history(store, "simplecil", "acc.last.sample").points.size(), 1u);
    report::LeaderboardOptions site;
    site.out = file("site" + std::to_string(version));
    site.templates = fs::path(CLB_BINARY_DIR) / "share/clbench/leaderboard";
    EXPECT_GT(report::write_leaderboard(store, site), 0u);
    // The same runs once more, in another file.
    const fs::path other = file("other" + std::to_string(version));
    {
      Store again = Store::open(other, Store::Mode::kWrite);
      for (const store::RunRow& row : store.runs()) {
        const int64_t attempt = again.begin_attempt(base::RunSpec::from_stored(row.spec, "stored"), sample_start());
        for (int64_t task = 0; task < 3; ++task)
          again.add_task(attempt, sample_task(task, std::vector<int64_t>(static_cast<size_t>(task) + 1, 20),
                                              std::vector<int64_t>(static_cast<size_t>(task) + 1, 15)));
        again.add_status(attempt, {"ok", "", "", ""});
      }
      EXPECT_EQ(again.runs().front().key, store.runs().front().key);
      EXPECT_EQ(again.runs().front().comparability_key, store.runs().front().comparability_key);
    }
    const auto ref = [](const fs::path& of) { return compare::parse_ref(of.string() + ":simplecil", "x"); };
    EXPECT_EQ(compare::compare(ref(file()), ref(other), {"acc.last.sample"}).matched.size(), 1u);
    EXPECT_EQ(compare::gate(compare::parse_file_ref(file().string()), compare::parse_file_ref(other.string()), {}).series.size(), 1u);
    fs::remove(file());
  }
}

}  // namespace
}  // namespace clb::results_test
