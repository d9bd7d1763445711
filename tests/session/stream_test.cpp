// Streams and protocol over a small made data set: order, batches, ids, views, and that draws are pure functions of their key.
#include <gtest/gtest.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/batches.hpp>
#include <clb/session/memory.hpp>
#include <set>

#include "made_session.hpp"
#include "support/errors.hpp"

namespace {

using namespace clb;
using clb::testing::kTest;
using clb::testing::kTrain;
using data::Split;
using session::Session;
using session::TaskBatches;

struct Joined {
  int64_t n = 0;
  torch::Tensor images, labels, sample_ids;
};

class StreamTest : public clb::testing::MadeSession {
 protected:
  static Joined all(TaskBatches& stream) {
    Joined joined;
    std::vector<torch::Tensor> images, labels, ids;
    while (auto batch = stream.next()) {
      if (batch->part("images").defined()) images.push_back(batch->part("images").clone());
      labels.push_back(batch->part("labels"));
      ids.push_back(batch->part("sample_ids"));
      joined.n += batch->n;
    }
    if (!images.empty()) joined.images = torch::cat(images);
    joined.labels = torch::cat(labels);
    joined.sample_ids = torch::cat(ids);
    return joined;
  }
};

TEST_F(StreamTest, UnshuffledServesClassesInClassOrderThenIndexOrder) {
  const auto s = open(1);  // positions 4, 5, 6 = classes 5, 4, 3
  TaskBatches stream(*s, request(5));
  EXPECT_EQ(stream.info().samples, 3 * kTrain);
  EXPECT_EQ(stream.info().batches_per_epoch, 4);
  const auto batch = all(stream);
  for (int64_t k = 0; k < batch.n; ++k) EXPECT_EQ(batch.labels[k].item<int64_t>(), 4 + k / kTrain);
  EXPECT_EQ(s->protocol.original_classes(1), (std::vector<int64_t>{5, 4, 3}));
  const auto train = s->protocol.train(1);
  EXPECT_TRUE(std::is_sorted(train.begin(), train.begin() + kTrain));
}

TEST_F(StreamTest, SaysWhetherImagesAreTheSameInEveryEpoch) {
  const auto flags = [&](uint32_t view) {
    const auto s = open(0);
    auto r = request(5);
    r.view = view;
    return TaskBatches(*s, r).info().flags;
  };
  EXPECT_EQ(flags(CLB_VIEW_TRAIN), 0U) << "boxes and flips are drawn";
  EXPECT_EQ(flags(CLB_VIEW_EVAL), CLB_STREAM_REPEATS);
  spec_.method.train_transform = spec_.protocol.eval_transform;
  EXPECT_EQ(flags(CLB_VIEW_TRAIN), CLB_STREAM_REPEATS);
}

TEST_F(StreamTest, DrawsDependOnSampleAndEpochButNotOnBatchSizeOrThreads) {
  const auto images = [&](int64_t batch_size, int64_t threads) {
    spec_.execution.loader_threads = threads;
    const auto s = open(0);
    auto r = request(batch_size);
    r.shuffle = 1;
    r.epochs = 2;
    TaskBatches stream(*s, r);
    return all(stream);
  };
  const auto expected = images(24, 1);
  for (const auto& [batch_size, threads] : {std::pair<int64_t, int64_t>{1, 1}, {5, 2}, {24, 2}}) {
    const auto got = images(batch_size, threads);
    EXPECT_TRUE(torch::equal(got.images, expected.images)) << batch_size << " " << threads;
    EXPECT_TRUE(torch::equal(got.sample_ids, expected.sample_ids));
  }
  const int64_t n = 4 * kTrain;
  const auto first = expected.sample_ids.narrow(0, 0, n), second = expected.sample_ids.narrow(0, n, n);
  EXPECT_FALSE(torch::equal(first, second)) << "a new order each epoch";
  EXPECT_TRUE(torch::equal(std::get<0>(first.sort()), std::get<0>(second.sort()))) << "the same samples each epoch";
  const auto again = (second == first[0]).nonzero().item<int64_t>();
  EXPECT_FALSE(torch::equal(expected.images[0], expected.images[n + again])) << "another box in another epoch";
}

TEST_F(StreamTest, ASeedChangesTheOrderAndAnEqualSeedRepeatsIt) {
  const auto ids = [&](int64_t seed) {
    spec_.seed = seed;
    const auto s = open(0);
    auto r = request(24);
    r.shuffle = 1;
    ask(r, kNumbers);
    TaskBatches stream(*s, r);
    std::vector<int64_t> order;
    const auto labels = all(stream).labels;
    for (int64_t k = 0; k < labels.size(0); ++k) order.push_back(labels[k].item<int64_t>());
    return order;
  };
  EXPECT_EQ(ids(0), ids(0));
  EXPECT_NE(ids(0), ids(1));
}

TEST_F(StreamTest, DeliversWhatIsAskedForInThatOrderAndNothingElse) {
  const auto s = open(0);
  const auto names = [&](const std::vector<const char*>& wanted) {
    auto r = request(3);
    r.parts = wanted.data();
    r.part_count = static_cast<uint32_t>(wanted.size());
    TaskBatches stream(*s, r);
    const auto batch = stream.next();
    std::vector<std::string> found;
    for (const auto& [name, tensor] : batch->parts) {
      found.emplace_back(name);
      EXPECT_EQ(tensor.size(0), 3) << name;
    }
    return found;
  };
  EXPECT_EQ(names({"sample_ids", "images", "labels"}), (std::vector<std::string>{"sample_ids", "images", "labels"}));
  EXPECT_EQ(names({"labels", "task_ids"}), (std::vector<std::string>{"labels"})) << "task ids are not granted here";
  EXPECT_EQ(names({}), std::vector<std::string>{});
}

TEST_F(StreamTest, DropLastAndEpochsAreCounted) {
  const auto s = open(0);
  auto r = request(5);
  r.drop_last = 1;
  r.epochs = 3;
  TaskBatches stream(*s, r);
  EXPECT_EQ(stream.info().dropped, 4 * kTrain % 5);
  EXPECT_EQ(stream.info().batches, 3 * (4 * kTrain / 5));
  EXPECT_EQ(all(stream).n, 3 * (4 * kTrain / 5) * 5);
  EXPECT_FALSE(stream.next().has_value());
}

TEST_F(StreamTest, ExplicitIdsComeInTheirOrderAndForeignOnesAreRefused) {
  const auto s = open(0);
  auto everything = request(100);
  ask(everything, kNumbers);
  TaskBatches whole(*s, everything);
  const auto known = all(whole);
  const std::vector<int64_t> wanted{known.sample_ids[7].item<int64_t>(), known.sample_ids[2].item<int64_t>()};
  auto r = request(10);
  r.sample_ids = wanted.data();
  r.sample_id_count = 2;
  TaskBatches chosen(*s, r);
  const auto batch = all(chosen);
  ASSERT_EQ(batch.n, 2);
  EXPECT_EQ(batch.labels[0].item<int64_t>(), known.labels[7].item<int64_t>());
  EXPECT_EQ(batch.sample_ids[1].item<int64_t>(), wanted[1]);

  const int64_t later = s->sample_ids.id(s->protocol.train(2)[0]);  // a sample of a task to come
  r.sample_ids = &later;
  r.sample_id_count = 1;
  const auto text = clb::testing::error_of<PluginError>([&] { TaskBatches(*s, r); });
  EXPECT_NE(text.find("not among"), std::string::npos) << text;
}

TEST_F(StreamTest, SampleIdsAreDistinctAndSayNothingOfTheIndex) {
  const auto s = open(0);
  std::set<int64_t> ids;
  int rising = 0;
  for (int64_t i = 0; i < 60; ++i) {
    const int64_t id = s->sample_ids.id(i);
    EXPECT_GE(id, 0);
    ids.insert(id);
    rising += i > 0 && id > s->sample_ids.id(i - 1);
  }
  EXPECT_EQ(ids.size(), 60u);
  EXPECT_GT(rising, 10);
  EXPECT_LT(rising, 50);
}

TEST_F(StreamTest, ExemplarsAreKeptInTheirOrderAndServedWithTheirLabels) {
  spec_.method.capabilities = CLB_CAP_RAW_REPLAY;
  const auto s = open(0);
  const auto train = s->protocol.train(0);
  const auto id = [&](int64_t index) { return s->sample_ids.id(index); };
  const std::vector<int64_t> kept{id(train[9]), id(train[0]), id(train[20])};
  session::set_memory(*s, kept);
  EXPECT_EQ(session::memory_bytes(s->store, s->memory), 3 * 28 * 28);

  s->task = 1;
  auto r = request(4);
  r.sources = CLB_SOURCE_MEMORY;
  TaskBatches memory(*s, r);
  const auto exemplars = all(memory);
  ASSERT_EQ(exemplars.n, 3);
  EXPECT_EQ(exemplars.sample_ids[0].item<int64_t>(), kept[0]);
  EXPECT_EQ(exemplars.labels[0].item<int64_t>(), 9 / kTrain) << "its position in the class order";
  r.sources = CLB_SOURCE_TRAIN | CLB_SOURCE_MEMORY;
  EXPECT_EQ(TaskBatches(*s, r).info().samples, 3 * kTrain + 3);

  const auto refused = [&](const std::vector<int64_t>& ids) {
    return clb::testing::error_of<PluginError>([&] { session::set_memory(*s, ids); });
  };
  EXPECT_NE(refused({id(train[1])}).find("not among the samples"), std::string::npos) << "gone with its task";
  EXPECT_NE(refused({id(s->protocol.train(2)[0])}).find("not among the samples"), std::string::npos) << "still to come";
  EXPECT_NE(refused({kept[0], kept[0]}).find("named twice"), std::string::npos);
  session::set_memory(*s, std::vector<int64_t>{kept[2], id(s->protocol.train(1)[0])});  // from the memory and from the task
  EXPECT_EQ(s->memory, (std::vector<int64_t>{train[20], s->protocol.train(1)[0]}));
  s->spec.method.capabilities = 0;
  EXPECT_NE(refused({}).find("raw_replay"), std::string::npos);
}

TEST_F(StreamTest, TaskIdsComeWithTheTaskIncrementalProtocolAlone) {
  EXPECT_FALSE(TaskBatches(*open(1), request(4)).next()->part("task_ids").defined());
  spec_.protocol.kind = "task";
  const auto s = open(1);
  TaskBatches batches(*s, request(4));
  const auto batch = batches.next();
  EXPECT_TRUE(torch::equal(batch->part("task_ids"), torch::full({4}, 1, torch::kInt64)));
}

TEST_F(StreamTest, RequestsThatCannotBeServedAreRefusedBeforeAnythingIsRead) {
  const auto s = open(0);
  const auto refused = [&](auto change, const std::string& part) {
    auto r = request(4);
    change(r);
    const auto text = clb::testing::error_of<PluginError>([&] { TaskBatches(*s, r); });
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  static constexpr const char *kFeatures[] = {"main:cls"}, *kTwice[] = {"labels", "labels"}, *kNobody[] = {"images:nobody"},
                              *kCaptions[] = {"aux:captions"}, *kAux[] = {"aux:images"};
  refused([](auto& r) { r.sources = 0; }, "sources");
  refused([](auto& r) { r.view = 7; }, "view");
  refused([](auto& r) { r.batch_size = 0; }, "batch_size");
  refused([](auto& r) { ask(r, kFeatures); }, "evaluation view");
  refused([](auto& r) { ask(r, kTwice); }, "twice");
  refused([](auto& r) { ask(r, kNobody); }, "nobody");
  refused([](auto& r) { ask(r, kCaptions); }, "CLB_SOURCE_AUX");
  refused([](auto& r) { ask(r, kAux); }, "aux:images");
  EXPECT_EQ(s->store.images_read(), 0);
  s->task = -1;
  refused([](auto&) {}, "begin_task");
}

TEST_F(StreamTest, TheHeldOutPartIsDisjointEqualForAllSeedsAndNeverTest) {
  spec_.protocol.evaluate_on = "validation";
  spec_.protocol.validation_fraction = 0.34;
  const auto held = [&](int64_t seed) {
    spec_.seed = seed;
    const auto s = open(0);
    for (int64_t t = 0; t < 3; ++t) {
      std::vector<int64_t> both;
      const auto train = s->protocol.train(t);
      const auto& evaluated = s->protocol.groups()[static_cast<size_t>(t)].samples;
      std::set<int64_t> in_train(train.begin(), train.end());
      for (int64_t i : evaluated) EXPECT_FALSE(in_train.contains(i));
      EXPECT_EQ(evaluated.size(), 2u * s->protocol.labels(t).size());
    }
    return s->protocol.groups()[0].samples;
  };
  EXPECT_EQ(held(0), held(3));
}

TEST(Keys, ArePureFunctionsOfSeedNameAndIndices) {
  const stream::Keys keys(5);
  EXPECT_EQ(keys.derive("a"), stream::Keys(5).derive("a"));
  EXPECT_NE(keys.derive("a"), stream::Keys(6).derive("a"));
  EXPECT_NE(keys.number("a", {1}), keys.number("a", {1, 0}));
  EXPECT_NE(keys.number("ab", {}), keys.number("a", {'b'}));
  EXPECT_NE(keys.for_method().derive("shuffle"), keys.derive("shuffle"));
}

TEST(Keys, PermutationsAreUniform) {
  std::map<std::vector<int64_t>, int> seen;
  for (uint64_t key = 0; key < 6000; ++key) ++seen[stream::permutation(key, 3)];
  ASSERT_EQ(seen.size(), 6u);
  for (const auto& [order, times] : seen) EXPECT_NEAR(times, 1000, 150);
}

}  // namespace
