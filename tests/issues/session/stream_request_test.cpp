// A stream that was restricted to no samples served all of them, and `request = std::move(request).images()` lost what was asked for.
#include <gtest/gtest.h>

#include <clb/sdk/context.hpp>
#include <clb/session/host.hpp>

#include "session/made_session.hpp"

namespace clb::testing {
namespace {

class StreamRequests : public MadeSession {
 protected:
  StreamRequest train() const { return {host_.table(), CLB_SOURCE_TRAIN}; }
  static int64_t served(const StreamRequest& request) {
    int64_t n = 0;
    for (const Batch& batch : request.batches(4)) n += batch.n;
    return n;
  }

  std::unique_ptr<session::Session> session_ = open(0);
  session::Host host_{*session_};
};

TEST_F(StreamRequests, OnlyTheseSamplesMeansNoneWhenThereIsNone) {
  const int64_t all = served(train());
  EXPECT_EQ(all, 4 * kTrain);
  EXPECT_EQ(served(train().only({})), 0);
  EXPECT_EQ(served(train().only({}).shuffled().epochs(3)), 0);
  EXPECT_EQ(served(train().eval_view().images().only({})), 0);
  EXPECT_EQ(train().only({}).batches(4).info().samples, 0);
  int64_t id = 0;
  for (const Batch& batch : train().sample_ids().batches(100)) id = batch.sample_ids[3].item<int64_t>();
  EXPECT_EQ(served(train().only({id})), 1);
}

TEST_F(StreamRequests, AreKeptByEveryWayToWriteThem) {
  const auto has_images = [](const StreamRequest& request) {
    Batch batch;
    return request.batches(4).next(batch) && batch.images.defined();
  };
  StreamRequest request = train().eval_view().epochs(2);
  request = std::move(request).images();
  EXPECT_TRUE(has_images(request));
  EXPECT_EQ(served(request), 8 * kTrain);
  request = request.drop_last();
  EXPECT_TRUE(has_images(request));

  const StreamRequest kept = train().eval_view();
  const auto& with = kept.images();
  auto&& moved = std::move(request).epochs(1);
  EXPECT_FALSE(has_images(kept));
  EXPECT_TRUE(has_images(with));
  EXPECT_EQ(served(moved), 4 * kTrain);
}

TEST_F(StreamRequests, NullIsNoListUnlessItHasALength) {
  clb_stream_request r = request(4);
  clb_stream* stream = nullptr;
  const clb_host& host = *host_.table();
  r.sample_id_count = 3;
  EXPECT_EQ(host.stream_open(host.self, &r, &stream), CLB_E_INVALID);
  const int64_t none = 0;
  r.sample_ids = &none;
  r.sample_id_count = -1;
  EXPECT_EQ(host.stream_open(host.self, &r, &stream), CLB_E_INVALID);
  r.sample_id_count = 0;
  ASSERT_EQ(host.stream_open(host.self, &r, &stream), CLB_OK);
  clb_batch batch{};
  batch.struct_size = sizeof batch;
  EXPECT_EQ(host.stream_next(host.self, stream, &batch), CLB_END);
}

}  // namespace
}  // namespace clb::testing
