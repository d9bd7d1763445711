// Which samples a task trains on and which groups are evaluated after it, for the kinds of streams and the option joint.
#include <clb/meta.h>
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/stream/protocol.hpp>

#include "support/errors.hpp"

namespace {

using namespace clb;
using stream::Protocol;
using Ids = std::vector<int64_t>;

// Two domains of three classes: sample i has class i % 3 and domain (i / 3) % 2.
struct MadeSplit {
  explicit MadeSplit(int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      labels.push_back(i % 3);
      domains.push_back(i / 3 % 2);
    }
  }
  stream::SplitIndex index() const { return {labels, domains}; }
  Ids labels, domains;
};

base::RunSpec spec_of(const std::string& kind) {
  base::RunSpec spec;
  spec.dataset.class_count = 3;
  spec.protocol.kind = kind;
  spec.protocol.class_order = {2, 0, 1};
  spec.protocol.task_sizes = {2, 1};
  if (kind == "domain") {
    spec.protocol.task_sizes = {3, 3};
    spec.protocol.domain_order = {1, 0};
  }
  return spec;
}

Protocol make(const base::RunSpec& spec) {
  static const MadeSplit train(12), test(6);
  return Protocol(spec, train.index(), test.index());
}

TEST(Protocol, ClassIncrementalIgnoresDomains) {
  const auto p = make(spec_of("class"));
  EXPECT_EQ(p.tasks_to_run(), 2);
  EXPECT_EQ(p.train(0), (Ids{2, 5, 8, 11, 0, 3, 6, 9}));  // class 2, then class 0
  EXPECT_EQ(p.train(1), (Ids{1, 4, 7, 10}));
  EXPECT_EQ(p.labels(1), (Ids{2}));
  EXPECT_EQ(p.classes_seen(0), 2);
  EXPECT_EQ(p.groups()[0].samples, (Ids{0, 2, 3, 5}));
  EXPECT_EQ(p.evaluated_groups(1), (Ids{0, 1}));
  EXPECT_EQ(p.part_of(4), 1);
  EXPECT_FALSE(p.grants_task_ids());
}

TEST(Protocol, DomainIncrementalHasAllClassesInEveryTask) {
  auto spec = spec_of("domain");
  const auto p = make(spec);
  EXPECT_EQ(p.tasks_to_run(), 2);
  EXPECT_EQ(p.train(0), (Ids{5, 11, 3, 9, 4, 10}));  // domain 1 first, in class order
  EXPECT_EQ(p.train(1), (Ids{2, 8, 0, 6, 1, 7}));
  EXPECT_EQ(p.labels(1), (Ids{0, 1, 2}));
  EXPECT_EQ(p.classes_seen(0), 3);
  EXPECT_EQ(p.domain(1), 1);
  EXPECT_EQ(p.groups()[0].samples, (Ids{3, 4, 5}));
  EXPECT_EQ(p.evaluated_groups(0), (Ids{0}));
  spec.protocol.eval_on = "all";
  EXPECT_EQ(make(spec).evaluated_groups(0), (Ids{0, 1}));
  spec.protocol.eval_on = "fixed";
  EXPECT_EQ(make(spec).evaluated_groups(1), (Ids{0}));
  EXPECT_EQ(make(spec).groups()[0].samples, (Ids{0, 1, 2, 3, 4, 5}));
}

TEST(Protocol, SubsetsOfADomainStreamAreTakenInEachDomain) {
  auto spec = spec_of("domain");
  spec.dataset.train_per_class = 1;
  const auto p = make(spec);
  EXPECT_EQ(p.train(0), (Ids{5, 3, 4}));
  EXPECT_EQ(p.train(1), (Ids{2, 0, 1}));
}

TEST(Protocol, JointIsOneTaskEvaluatedOnTheGroupsOfTheSplit) {
  auto spec = spec_of("class");
  spec.protocol.joint = true;
  auto p = make(spec);
  EXPECT_EQ(p.tasks_to_run(), 1);
  EXPECT_EQ(p.task_count(), 1);
  EXPECT_EQ(p.train(0).size(), 12u);
  EXPECT_EQ(p.labels(0), (Ids{0, 1, 2}));
  EXPECT_EQ(p.evaluated_groups(0), (Ids{0, 1}));
  spec.protocol.stop_after = 1;
  p = make(spec);
  EXPECT_EQ(p.classes_seen(0), 2);
  EXPECT_EQ(p.class_count(), 2);
  EXPECT_EQ(p.train(0).size(), 8u);
  EXPECT_EQ(p.evaluated_groups(0), (Ids{0}));
}

TEST(Protocol, DomainsThatTheStreamLeavesOutAreNeitherTrainedNorEvaluated) {
  auto spec = spec_of("domain");
  spec.protocol.domain_order = spec.protocol.domain_subset = {1};
  spec.protocol.task_sizes = {3};
  const auto p = make(spec);
  EXPECT_EQ(p.tasks_to_run(), 1);
  EXPECT_EQ(p.train(0), (Ids{5, 11, 3, 9, 4, 10}));
  EXPECT_EQ(p.all_evaluated(), (Ids{3, 4, 5}));
  EXPECT_EQ(p.part_of(0), -1);
}

TEST(Protocol, ASequenceTellsTheDataSetOfATaskAndTakesEachSubset) {
  auto spec = spec_of("class");
  spec.dataset.sequence.resize(2);
  spec.dataset.sequence[0].class_count = 1;
  spec.dataset.sequence[1].class_count = 2;
  spec.dataset.sequence[1].train_per_class = 1;
  spec.protocol.class_order = {0, 2, 1};
  spec.protocol.task_sizes = {1, 2};
  const auto p = make(spec);
  EXPECT_EQ(p.domain(0), 0);
  EXPECT_EQ(p.domain(1), 1);
  EXPECT_EQ(p.train(0), (Ids{0, 3, 6, 9}));
  EXPECT_EQ(p.train(1), (Ids{2, 1}));
}

TEST(Protocol, ClassesToComeAreEvaluatedWhereTheProtocolSaysSo) {
  auto spec = spec_of("class");
  spec.protocol.eval_unseen = true;
  const auto p = make(spec);
  EXPECT_EQ(p.evaluated_groups(0), (Ids{0, 1}));
  EXPECT_TRUE(p.shape().unseen(1, 0));
  EXPECT_EQ(p.shape().columns(0), 3);
  EXPECT_EQ(p.classes_seen(0), 2);
}

TEST(Protocol, TaskIncrementalGrantsTaskIds) { EXPECT_TRUE(make(spec_of("task")).grants_task_ids()); }

TEST(Protocol, DomainsAreToldToAMethodThatNeedsThem) {
  auto spec = spec_of("domain");
  EXPECT_FALSE(make(spec).grants_task_ids());
  spec.method.capabilities = CLB_CAP_TASK_ID_TEST;
  EXPECT_TRUE(make(spec).grants_task_ids());
  spec.protocol.eval_on = "fixed";
  EXPECT_FALSE(make(spec).grants_task_ids()) << "one group has no domains to tell";
  spec = spec_of("class");
  spec.method.capabilities = CLB_CAP_TASK_ID_TEST;
  EXPECT_FALSE(make(spec).grants_task_ids());
}

TEST(Protocol, ValidationHoldsOutAPartOfEachClassOfEachDomain) {
  auto spec = spec_of("domain");
  spec.protocol.evaluate_on = "validation";
  spec.protocol.validation_fraction = 0.9;
  const auto p = make(spec);
  for (int64_t t = 0; t < 2; ++t) {
    EXPECT_EQ(p.train(t).size(), 3u) << "one of two samples of each class stays";
    EXPECT_EQ(p.groups()[static_cast<size_t>(t)].samples.size(), 3u);
  }
  EXPECT_EQ(p.all_train().size() + p.all_evaluated().size(), 12u);
}

TEST(Protocol, ALabelOrDomainOutsideTheOrderIsNamed) {
  const MadeSplit test(6);
  MadeSplit train(12);
  train.labels[7] = 3;
  EXPECT_EQ(clb::testing::error_of<base::Error>([&] { Protocol(spec_of("class"), train.index(), test.index()); }),
            "sample 7 of the training split has label 3, which the class order does not hold");
  train = MadeSplit(12);
  train.domains[4] = 2;
  EXPECT_EQ(clb::testing::error_of<base::Error>([&] { Protocol(spec_of("domain"), train.index(), test.index()); }),
            "sample 4 of the training split has domain 2, which the domain order does not hold");
}

}  // namespace
