// A stream as the session serves it: which samples, in which order and batches, with which parts. See clb/stream.h for the contract.
#pragma once

#include <clb/stream.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <clb/base/prefetcher.hpp>
#include <clb/session/session.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace clb::session {

// The feature kinds that a plugin names; PluginError CLB_E_INVALID when they are no list of names.
std::vector<std::string> checked_kinds(const char* const* names, uint32_t count);

// One batch before it crosses the border.
struct HostBatch {
  int64_t n = 0, epoch = 0, step = 0;
  torch::Tensor images, labels, sample_ids, task_ids;
  std::vector<std::pair<const char*, torch::Tensor>> features;  // the names live as long as the stream or the evaluation

  // Fills `out` within its struct_size; its tensors become the receiver's. slots: memory for its array of features, which must stay as long
  // as the receiver may read it.
  void hand_over(clb_batch& out, std::vector<clb_feature>& slots) const;
};

class Stream {
 public:
  Stream(Session& session, const clb_stream_request& request);  // PluginError for what cannot be served

  clb_stream_info info() const;
  std::optional<HostBatch> next();
  std::vector<clb_feature>& slots() { return slots_; }  // for HostBatch::hand_over

 private:
  std::vector<int64_t> chosen_samples(const clb_stream_request& request) const;
  // Positions in samples_ of batch `step`, in delivery order.
  std::vector<int64_t> batch_positions(int64_t step) const;
  std::vector<int64_t> epoch_order(int64_t epoch) const;
  torch::Tensor make_images(int64_t step) const;

  Session& session_;
  int64_t task_, id_;  // id_: counts the streams of the task
  uint32_t view_;
  bool shuffle_, drop_last_;
  int64_t batch_size_, epochs_, step_ = 0;
  std::vector<std::string> kinds_;
  std::vector<int64_t> samples_;                  // indices into the training split
  torch::Tensor labels_, sample_ids_, task_ids_;  // of samples_, [n]
  mutable std::mutex order_mutex_;                // the orders of epochs in use, shared with loader threads
  mutable std::map<int64_t, std::vector<int64_t>> orders_;
  std::unique_ptr<base::Prefetcher<torch::Tensor>> prefetcher_;
  std::vector<clb_feature> slots_;
};

// The samples of `among` with these ids, in their order; PluginError CLB_E_INVALID for an id that is none of theirs.
std::vector<int64_t> indices_of(stream::SampleIds& sample_ids, const std::vector<int64_t>& among, std::span<const int64_t> ids);

}  // namespace clb::session
