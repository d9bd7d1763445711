// clbench compare: refs, pairs, flips, sentences.
#include <clb/compare/comparison.hpp>
#include <cmath>

#include "compare_fixture.hpp"

namespace clb::results_test {
namespace {

using compare::parse_ref;
using store::Store;

class Compare : public ResultsTest {
 protected:
  compare::Comparison run(const std::string& a, const std::string& b, const std::vector<std::string>& metrics = {"acc.last.sample"}) {
    return compare::compare(parse_ref(a, file()), parse_ref(b, file()), metrics);
  }
  void fill() {
    Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) {
      make_attempt(store, trained_spec(seed, 0.01, "good"), {.wrong = {1, 0, seed, 0, 0, 2}});
      make_attempt(store, trained_spec(seed, 0.01, "bad"), {.wrong = {4, 3, 2 + seed, 0, 1, 2}});
    }
  }
};

TEST(Ref, every_form_of_a_reference) {
  auto ref = [](const std::string& text) { return parse_ref(text, "default.sqlite"); };
  EXPECT_EQ(ref("l2p").method, "l2p");
  EXPECT_EQ(ref("l2p").file, "default.sqlite");
  EXPECT_TRUE(ref("l2p").bare);
  EXPECT_EQ(ref("l2p/small").preset, "small");
  EXPECT_EQ(ref("finetune,lr=0.03,epochs=2").settings, (std::vector<std::pair<std::string, std::string>>{{"lr", "0.03"}, {"epochs", "2"}}));
  EXPECT_EQ(ref("old.sqlite").file, "old.sqlite");
  EXPECT_EQ(ref("old.sqlite").method, "");
  EXPECT_EQ(ref("old.sqlite@3d5e").commit, "3d5e");
  EXPECT_EQ(ref("@3d5e").file, "default.sqlite");
  const compare::Ref all = ref("dir/old.sqlite@3d5e:l2p/small,top_k=5");
  EXPECT_EQ(all.file, "dir/old.sqlite");
  EXPECT_EQ(all.commit, "3d5e");
  EXPECT_EQ(all.method + "/" + all.preset, "l2p/small");
  for (const std::string wrong : {"", "old.sqlite@", "old.sqlite:", "l2p/", "l2p,top_k", "l2p,=5"}) {
    EXPECT_NE(sentence([&] { ref(wrong); }).find("[FILE][@COMMIT]"), std::string::npos) << wrong;
  }
}

// good: 1 + 0 + s + 2 wrong of 60 for seed s, bad: 4 + 3 + 2 + s + 1 + 2; the difference is 9 samples each time.
TEST_F(Compare, differences_flips_and_mcnemar_are_those_of_the_samples) {
  fill();
  const compare::Comparison c = run("good", "bad");
  ASSERT_EQ(c.matched.size(), 1u);
  const compare::Matched& m = c.matched[0];
  const compare::Difference& d = m.differences[0];
  EXPECT_EQ(d.a.size(), 3u);
  EXPECT_NEAR(d.mean, 9.0 / 60, 1e-15);
  EXPECT_TRUE(d.over_images);
  EXPECT_NEAR(d.interval->low, 0.0717273, 1e-6);  // by hand: seeds agree, so images alone scatter, within their tasks; t(59)
  EXPECT_DOUBLE_EQ(d.sign_flip->p, 0.25);
  EXPECT_NEAR(*d.better, 0.999846, 1e-6);
  ASSERT_EQ(m.flips.after_task.size(), 3u);
  const compare::Flips& last = m.flips.after_task[2];
  EXPECT_EQ(last.n, 180);
  EXPECT_EQ(last.only_a, 27);  // 3 x (3 + 3 + 2 + 1)
  EXPECT_EQ(last.only_b, 0);
  EXPECT_FALSE(last.p) << "three pairs judge the same images";
  EXPECT_EQ(m.flips.after_task[0].only_a, 0);  // classes 5 and 3
  ASSERT_EQ(m.flips.on_task.size(), 3u);
  EXPECT_EQ(m.flips.on_task[0].only_a, 0);
  EXPECT_EQ(m.flips.on_task[1].only_a, 18);  // classes 1 and 0
  EXPECT_EQ(m.flips.on_task[2].only_a, 9);   // classes 2 and 4
  EXPECT_EQ(m.finding, compare::Finding::kABetter);
  EXPECT_NE(c.conclusion.find("good is better than bad: acc.last.sample is 15.00 points higher (95 % interval +7.17 to +22.83, 3 seeds"),
            std::string::npos)
      << c.conclusion;
  EXPECT_EQ(run("bad", "good").conclusion, c.conclusion) << "the winner does not depend on the order";
}

TEST_F(Compare, two_pairs_cannot_tell) {
  {
    Store store = writer();
    for (int64_t seed = 0; seed < 2; ++seed) {
      make_attempt(store, trained_spec(seed, 0.01, "good"), {.wrong = {1}});
      make_attempt(store, trained_spec(seed, 0.01, "bad"), {.wrong = {9}});
    }
    make_attempt(store, trained_spec(7, 0.01, "bad"), {.wrong = {9}});
  }
  const compare::Comparison c = run("good", "bad");
  EXPECT_TRUE(c.cannot_tell);
  EXPECT_TRUE(c.conclusion.starts_with("Cannot tell")) << c.conclusion;
  EXPECT_NE(c.conclusion.find("1 distinct result of 2 seeds, and 3 that differ are needed"), std::string::npos) << c.conclusion;
  EXPECT_EQ(c.matched[0].unpaired_b, 1u);
}

TEST_F(Compare, class_orders_are_paired_with_themselves) {
  {
    Store store = writer();
    for (int64_t order = 0; order < 3; ++order) {
      base::RunSpec spec = trained_spec(0, 0.01, "good");
      spec.protocol.order = "seed";
      spec.protocol.order_seed = order;
      std::rotate(spec.protocol.class_order.begin(), spec.protocol.class_order.begin() + order, spec.protocol.class_order.end());
      make_attempt(store, spec, {.wrong = {1}});
      spec.method.id = "bad";
      if (order > 0) make_attempt(store, spec, {.wrong = {2}});
    }
  }
  EXPECT_EQ(run("good", "bad").matched[0].ids.size(), 2u);
}

// Five seeds of a method that ignores them, on three class orders: three draws.
TEST_F(Compare, equal_results_count_once_and_orders_are_units) {
  {
    Store store = writer();
    for (int64_t order = 0; order < 3; ++order) {
      for (int64_t seed = 0; seed < 5; ++seed) {
        for (const std::string method : {"good", "bad"}) {
          base::RunSpec spec = trained_spec(seed, 0.01, method);
          spec.protocol.order_seed = order;
          std::rotate(spec.protocol.class_order.begin(), spec.protocol.class_order.begin() + order, spec.protocol.class_order.end());
          make_attempt(store, spec, {.wrong = {method == "good" ? 0 : 4 + order}});
        }
      }
    }
  }
  const compare::Comparison c = run("good", "bad");
  const compare::Difference& d = c.matched[0].differences[0];
  EXPECT_EQ(d.a.size(), 15u);
  EXPECT_EQ(d.units.text(), "3 class orders (15 runs)");
  EXPECT_DOUBLE_EQ(d.sign_flip->p, 0.25);
  EXPECT_EQ(c.matched[0].flips.after_task[2].n, 180) << "copies are not counted";
  EXPECT_NE(c.notes.at(0).find("seeds 0, 1, 2, 3, 4 of A made the same predictions"), std::string::npos);
}

TEST(Units, the_mean_of_several_settings) {
  // Variances 1 and 4 of three values each: error sqrt(5/12), t(0.975, 2) = 4.302653.
  const auto interval =
      compare::interval_of_mean({stats::over_units(std::vector{1.0, 2.0, 3.0}), stats::over_units(std::vector{2.0, 4.0, 6.0})});
  EXPECT_NEAR(interval.low, 3 - 2.777350, 1e-5);
  EXPECT_NEAR(interval.high, 3 + 2.777350, 1e-5);
}

TEST_F(Compare, commits_and_databases) {
  {
    Store store = writer(), other = Store::open(file("other.sqlite"), Store::Mode::kWrite);
    for (int64_t seed = 0; seed < 3; ++seed) {
      make_attempt(store, trained_spec(seed), {.wrong = {1}, .commit = "aaa111"});
      make_attempt(store, trained_spec(seed), {.wrong = {3}, .commit = "bbb222"});
      make_attempt(other, trained_spec(seed), {.wrong = {1}, .commit = "ccc333"});
    }
  }
  EXPECT_NEAR(run("@aaa", "@bbb").matched[0].differences[0].mean, 2.0 / 60, 1e-15);
  EXPECT_NEAR(run("aaa111", "bbb222").matched[0].differences[0].mean, 2.0 / 60, 1e-15) << "a word may be a commit";
  EXPECT_NEAR(run(file().string(), file("other.sqlite").string()).matched[0].differences[0].mean, -2.0 / 60, 1e-15) << "the newest attempt";
  EXPECT_EQ(run("@aaa", file("other.sqlite").string()).matched[0].finding, compare::Finding::kSame);
  EXPECT_EQ(run("@aaa:finetune", "@bbb").matched.size(), 1u);
  const std::string unknown = sentence([&] { run("@zzz", "@aaa"); });
  EXPECT_NE(unknown.find("bbb222 (3 attempts), aaa111 (3 attempts)"), std::string::npos) << unknown;
}

TEST_F(Compare, several_settings_end_in_their_mean) {
  {
    Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) {
      for (const std::string data : {"one", "two"}) {
        for (const std::string method : {"good", "bad"}) {
          base::RunSpec spec = trained_spec(seed, 0.01, method);
          spec.dataset.id = data;
          spec.dataset.fingerprint = fake_hash(data);
          make_attempt(store, spec, {.wrong = {method == "good" ? seed : 5 + seed}});
        }
      }
    }
  }
  const compare::Comparison c = run("good", "bad");
  ASSERT_EQ(c.matched.size(), 2u);
  ASSERT_TRUE(c.overall);
  EXPECT_NEAR(c.overall->mean, 5.0 / 60, 1e-12);
  EXPECT_NE(c.conclusion.find("A is better on 2, B on 0"), std::string::npos) << c.conclusion;
  const base::Json json = base::parse_json(comparison_json(c), "compare");
  EXPECT_NEAR(json.at("over_settings").at("difference").get<double>(), 5.0 / 60, 1e-12);
  approve_in("compare.text.txt", comparison_text(c), folder_);
}

TEST_F(Compare, mistakes_name_what_there_is) {
  {
    Store store = writer();
    make_attempt(store, trained_spec(0, 0.01), {});
    make_attempt(store, trained_spec(0, 0.03), {});
    base::RunSpec other = trained_spec(0, 0.01, "other");
    other.protocol.eval_transform.name = "small-112";
    make_attempt(store, other, {});
    make_attempt(store, trained_spec(5, 0.01, "later"), {});
  }
  const std::string many = sentence([&] { run("finetune", "later"); });
  EXPECT_NE(many.find("finetune,lr=0.01, finetune,lr=0.03"), std::string::npos) << many;
  const std::string none = sentence([&] { run("nothing", "later"); });
  EXPECT_NE(none.find("later"), std::string::npos) << none;
  const std::string field = sentence([&] { run("finetune,lr=0.01", "other"); });
  EXPECT_NE(field.find("eval_transform.name (deit-224 against small-112)"), std::string::npos) << field;
  EXPECT_NE(sentence([&] { run("finetune,lr=0.01", "later"); }).find("no finished runs of the same seed"), std::string::npos);
  EXPECT_EQ(run("finetune,lr=0.010", "finetune,lr=0.03").matched[0].config_difference, "lr (0.01 against 0.03)");
  sentence([&] { run("finetune,lr=0.01", "finetune,lr=0.03", {"accuracy"}); });
}

TEST_F(Compare, a_joint_run_is_judged_by_a_metric_that_it_has) {
  {
    Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) {
      for (const int64_t skill : {0, 1}) {
        base::RunSpec spec = trained_spec(seed, 0.01, skill ? "good" : "bad");
        spec.protocol.joint = true;
        const int64_t attempt = store.begin_attempt(spec, sample_start());
        store.add_task(attempt, sample_task(0, {20, 20, 20}, {10 + skill + seed, 10, 10}));
        store.add_status(attempt, {"ok", "", "", ""});
      }
    }
  }
  const compare::Comparison c = run("good", "bad", {"acc.mean.sample", "acc.last.sample"});
  EXPECT_EQ(c.matched[0].finding, compare::Finding::kABetter);
  EXPECT_NE(c.conclusion.find("acc.last.sample is 1.67 points higher"), std::string::npos) << c.conclusion;
}

TEST_F(Compare, counts_without_predictions_still_compare) {
  {
    Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) {
      for (const int64_t skill : {0, 1}) {
        const int64_t attempt = store.begin_attempt(trained_spec(seed, 0.01, skill ? "good" : "bad"), sample_start());
        for (int64_t task = 0; task < 3; ++task)
          store.add_task(attempt, sample_task(task, std::vector<int64_t>(static_cast<size_t>(task + 1), 20),
                                              std::vector<int64_t>(static_cast<size_t>(task + 1), 10 + skill + seed)));
        store.add_status(attempt, {"ok", "", "", ""});
      }
    }
  }
  const compare::Comparison c = run("good", "bad");
  EXPECT_NEAR(c.matched[0].differences[0].mean, 0.05, 1e-12);
  EXPECT_TRUE(c.matched[0].flips.after_task.empty());
  EXPECT_NE(c.matched[0].flips.missing.find("targets"), std::string::npos);
}

// A run from before a parameter existed, or with its neutral value, does not name it; a ref can.
TEST_F(Compare, a_parameter_at_its_neutral_value_has_a_name) {
  {
    Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) {
      make_attempt(store, trained_spec(seed, 0.01), {});
      base::RunSpec with = trained_spec(seed, 0.01);
      with.method.params["smoothing"] = 0.1;
      make_attempt(store, with, {.wrong = {1}});
    }
  }
  const std::string many = sentence([&] { run("finetune", "finetune"); });
  EXPECT_NE(many.find("finetune,smoothing=0.1, finetune,smoothing=neutral"), std::string::npos) << many;
  EXPECT_EQ(run("finetune,smoothing=neutral", "finetune,smoothing=0.1").matched[0].config_difference, "smoothing (not set against 0.1)");
  EXPECT_NE(sentence([&] { run("finetune,smoohting=neutral", "finetune,smoothing=0.1"); }).find("matches no run"), std::string::npos);
}

}  // namespace
}  // namespace clb::results_test
