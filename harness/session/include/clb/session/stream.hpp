// A stream as the session serves it: which samples, in which order and batches, with which parts. See clb/stream.h for the contract.
#pragma once

#include <clb/stream.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <clb/session/parts.hpp>
#include <clb/session/session.hpp>
#include <clb/stream/prefetcher.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace clb::session {

// What a handle of clb_host.stream_open stands for.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual clb_stream_info info() const = 0;
  virtual std::optional<HostBatch> next() = 0;

  // Fills `out` within its struct_size with the next batch, whose tensors become the receiver's; false: there is none. The array of parts
  // stays until the next call.
  bool hand_over(clb_batch& out);

 private:
  std::vector<clb_part> shared_;
};

class Stream final : public BatchSource {
 public:
  Stream(Session& session, const clb_stream_request& request);  // PluginError for what cannot be served

  clb_stream_info info() const override;
  std::optional<HostBatch> next() override;

 private:
  std::vector<int64_t> chosen_samples(const clb_stream_request& request) const;
  // Positions in samples_ of batch `step`, in delivery order.
  std::vector<int64_t> batch_positions(int64_t step) const;
  std::vector<int64_t> epoch_order(int64_t epoch) const;
  std::vector<torch::Tensor> make_images(int64_t step) const;  // of each part of images
  torch::Tensor numbers(WantedPart::Kind kind) const;          // of samples_, [n]; undefined: not granted

  Session& session_;
  int64_t task_, id_;  // id_: counts the streams of the task
  uint32_t view_;
  bool shuffle_, drop_last_;
  int64_t batch_size_, epochs_, step_ = 0;
  std::vector<WantedPart> parts_;
  std::vector<const data::Images*> images_;  // of the parts that are images
  std::vector<int64_t> samples_;             // indices into the training split
  std::vector<torch::Tensor> numbers_;       // of samples_, for each part that has one
  mutable std::mutex order_mutex_;           // the orders of epochs in use, shared with loader threads
  mutable std::map<int64_t, std::vector<int64_t>> orders_;
  std::unique_ptr<stream::Prefetcher<std::vector<torch::Tensor>>> prefetcher_;
};

// The opaque id of a training sample: a hash that a method can use but not read.
int64_t opaque_id(const Session& session, int64_t index);
// The samples of `among` with these ids, in their order; PluginError CLB_E_INVALID for an id that is none of theirs.
std::vector<int64_t> indices_of(const Session& session, const std::vector<int64_t>& among, std::span<const int64_t> ids);

}  // namespace clb::session
