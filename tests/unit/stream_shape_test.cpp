// The shape of a stream against a recount that learns part after part with sets of classes and knows no formulas.
#include <gtest/gtest.h>

#include <clb/stream/shape.hpp>
#include <numeric>
#include <random>
#include <set>

namespace clb::stream {
namespace {

using Ids = std::vector<int64_t>;
using Set = std::set<int64_t>;

base::RunSpec run_of(const std::string& kind, const Ids& sizes) {
  base::RunSpec run;
  run.protocol.kind = kind;
  run.protocol.task_sizes = sizes;
  const bool domains = kind == "domain";
  run.dataset.class_count = domains ? sizes.front() : std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  run.protocol.class_order.resize(static_cast<size_t>(run.dataset.class_count));
  std::iota(run.protocol.class_order.begin(), run.protocol.class_order.end(), 0);
  for (size_t d = 0; domains && d < sizes.size(); ++d) run.protocol.domain_order.push_back(static_cast<int64_t>(sizes.size() - d));
  return run;
}

// What each part of the stream brings.
std::vector<Set> parts_of(const base::RunSpec& run) {
  std::vector<Set> parts;
  int64_t next = 0;
  for (const int64_t size : run.protocol.task_sizes) {
    if (run.protocol.kind == "domain") next = 0;
    Set& part = parts.emplace_back();
    for (int64_t k = 0; k < size; ++k) part.insert(next++);
  }
  return parts;
}

// What a learner has gone through after each task.
struct Stage {
  Set brought, seen;
  size_t parts = 0;  // learned so far
};

std::vector<Stage> stages_of(const base::RunSpec& run) {
  std::vector<Stage> stages;
  Stage so_far;
  for (const Set& part : parts_of(run)) {
    if (run.protocol.stop_after > 0 && so_far.parts == static_cast<size_t>(run.protocol.stop_after)) break;
    if (!run.protocol.joint) so_far.brought.clear();
    so_far.brought.insert(part.begin(), part.end());
    so_far.seen.insert(part.begin(), part.end());
    ++so_far.parts;
    stages.push_back(so_far);
  }
  if (run.protocol.joint) stages = {stages.back()};
  return stages;
}

Set ids(const Range& range) {
  Set all;
  for (int64_t k = range.first; k < range.end; ++k) all.insert(k);
  return all;
}

// The groups that are evaluated after a stage: each with whether its samples are of something to come.
std::vector<bool> groups_after(const base::RunSpec& run, const Stage& stage, const Stage& last) {
  if (run.protocol.eval_on == "fixed") return {false};
  std::vector<bool> unseen;
  const bool to_come = run.protocol.eval_on == "all" || run.protocol.eval_unseen;
  for (size_t g = 0; g < (to_come ? last.parts : stage.parts); ++g) unseen.push_back(g >= stage.parts);
  return unseen;
}

void expect_recounted(const base::RunSpec& run) {
  const StreamShape shape(run);
  const auto parts = parts_of(run);
  const auto stages = stages_of(run);
  ASSERT_EQ(shape.parts(), static_cast<int64_t>(parts.size()));
  ASSERT_EQ(shape.tasks_to_run(), static_cast<int64_t>(stages.size()));
  EXPECT_EQ(shape.parts_to_run(), static_cast<int64_t>(stages.back().parts));
  EXPECT_EQ(shape.tasks(), run.protocol.joint ? 1 : static_cast<int64_t>(parts.size()));
  EXPECT_EQ(shape.classes_learned(), static_cast<int64_t>(stages.back().seen.size()));
  for (size_t p = 0; p < parts.size(); ++p) EXPECT_EQ(ids(shape.part_classes(static_cast<int64_t>(p))), parts[p]);
  for (size_t t = 0; t < stages.size(); ++t) {
    const auto task = static_cast<int64_t>(t);
    EXPECT_EQ(ids(shape.task_classes(task)), stages[t].brought);
    EXPECT_EQ(shape.classes_seen(task), static_cast<int64_t>(stages[t].seen.size()));
    const auto groups = groups_after(run, stages[t], stages.back());
    ASSERT_EQ(shape.evaluated_groups(task), static_cast<int64_t>(groups.size()));
    for (size_t g = 0; g < groups.size(); ++g) EXPECT_EQ(shape.unseen(static_cast<int64_t>(g), task), groups[g]) << g << " after " << t;
    const bool asked = run.protocol.eval_unseen && !run.protocol.joint;
    EXPECT_EQ(shape.columns(task), static_cast<int64_t>((asked ? stages.back() : stages[t]).seen.size()));
  }
  // What tables read of a stored spec is the same.
  base::RunSpec whole = run;
  const StreamShape stored = StreamShape::of_stored({{"protocol", whole.to_json().at("protocol")}});
  EXPECT_EQ(stored.parts_to_run(), shape.parts_to_run());
  EXPECT_EQ(stored.classes_learned(), shape.classes_learned());
  for (int64_t t = 0; t < shape.tasks_to_run(); ++t) {
    EXPECT_EQ(stored.task_classes(t), shape.task_classes(t));
    EXPECT_EQ(stored.seen_groups(t), shape.seen_groups(t));
    EXPECT_EQ(stored.evaluated_groups(t), shape.evaluated_groups(t));
  }
}

TEST(StreamShape, is_what_a_learner_goes_through) {
  std::mt19937 random(7);
  const auto below = [&](size_t n) { return static_cast<int64_t>(random() % n); };
  for (int round = 0; round < 400; ++round) {
    const std::string kind = std::vector<std::string>{"class", "task", "domain"}[static_cast<size_t>(below(3))];
    Ids sizes(static_cast<size_t>(1 + below(9)), 1 + below(5));
    if (kind != "domain")
      for (int64_t& size : sizes) size = 1 + below(6);
    base::RunSpec run = run_of(kind, sizes);
    run.protocol.stop_after = below(sizes.size() + 1);
    run.protocol.joint = below(4) == 0;
    if (kind == "domain") run.protocol.eval_on = std::vector<std::string>{"seen", "all", "fixed"}[static_cast<size_t>(below(3))];
    if (kind != "domain") run.protocol.eval_unseen = below(2) == 0;
    SCOPED_TRACE(run.to_json().at("protocol").dump());
    expect_recounted(run);
  }
}

TEST(StreamShape, domains_are_the_data_sets_numbering) {
  const StreamShape shape(run_of("domain", {4, 4, 4}));
  EXPECT_EQ(shape.part_domain(0), 3);
  EXPECT_EQ(shape.part_domain(2), 1);
  EXPECT_EQ(StreamShape(run_of("class", {2, 2})).part_domain(1), -1);
}

base::RunSpec sequence_of(const Ids& classes, const Ids& sizes) {
  base::RunSpec run = run_of("class", sizes);
  for (const int64_t count : classes) run.dataset.sequence.emplace_back().class_count = count;
  return run;
}

TEST(StreamShape, a_part_of_a_sequence_is_of_a_data_set) {
  const StreamShape shape(sequence_of({3, 5, 2}, {3, 2, 3, 2}));
  EXPECT_EQ(shape.part_domain(0), 0);
  EXPECT_EQ(shape.part_domain(1), 1);
  EXPECT_EQ(shape.part_domain(2), 1);
  EXPECT_EQ(shape.part_domain(3), 2);
  EXPECT_EQ(StreamShape(sequence_of({3, 5, 2}, {4, 6})).part_domain(0), -1) << "a task with classes of two is of none";
}

TEST(StreamShape, subsets_of_a_sequence_are_each_data_sets_own) {
  base::RunSpec run = sequence_of({2, 3}, {2, 3});
  run.dataset.sequence[1].train_per_class = 7;
  run.dataset.test_per_class = 4;
  EXPECT_EQ(train_limits(run.dataset), (Ids{0, 0, 7, 7, 7}));
  EXPECT_EQ(test_limits(run.dataset), (Ids{4, 4, 4, 4, 4}));
}

TEST(StreamShape, a_stored_spec_may_hold_anything) {
  for (const char* text : {"{}", "[]", "3", R"({"protocol": {"task_sizes": "x", "stop_after": -3}})", R"({"protocol": {"joint": true}})"}) {
    const StreamShape shape = StreamShape::of_stored(base::Json::parse(text));
    EXPECT_EQ(shape.parts(), 0) << text;
    EXPECT_EQ(shape.classes_learned(), 0) << text;
  }
  const StreamShape odd = StreamShape::of_stored(base::Json::parse(R"({"protocol": {"task_sizes": [2, "x", -5, 3], "stop_after": 9}})"));
  EXPECT_EQ(odd.parts_to_run(), 4);
  EXPECT_EQ(odd.classes_learned(), 5);
}

}  // namespace
}  // namespace clb::stream
