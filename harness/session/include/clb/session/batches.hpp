// A stream as the session serves it: which samples, in which order and batches, with which parts. See clb/stream.h for the contract.
#pragma once

#include <clb/stream.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <clb/data/image_batches.hpp>
#include <clb/session/parts.hpp>
#include <clb/session/session.hpp>
#include <clb/stream/batch_plan.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace clb::session {

// What a handle of clb_host.stream_open stands for: samples in the batches of a plan. PluginError for a request that cannot be served.
class BatchSource {
 public:
  BatchSource(Session& session, const clb_stream_request& request);
  virtual ~BatchSource() = default;
  BatchSource(const BatchSource&) = delete;

  clb_stream_info info() const;
  std::optional<HostBatch> next();

  // Fills `out` within its struct_size with the next batch, whose tensors become the receiver's; false: there is none. The array of parts
  // stays until the next call.
  bool hand_over(clb_batch& out);

 protected:
  // What a constructor must do: so many samples per epoch.
  void plan_batches(int64_t samples);
  // The images of the batches in order: sample k of the plan is samples[k] of the training split. Its threads use the plan and the samples,
  // so it is the last member of whoever has it. Nothing: no views.
  std::unique_ptr<data::ImageBatches> image_batches(const std::vector<const Images*>& views, const std::vector<int64_t>& samples,
                                                    bool augmented);

  // The parts of a batch, of the samples at these positions of the plan.
  virtual void fill(HostBatch& batch, const std::vector<int64_t>& positions) = 0;

  Session& session() const { return session_; }

 private:
  Session& session_;
  int64_t task_, id_;  // id_: counts the streams of the task
  stream::BatchRules rules_;
  std::optional<stream::BatchPlan> plan_;
  bool repeats_ = false;  // see CLB_STREAM_REPEATS
  int64_t step_ = 0;
  std::vector<clb_part> shared_;
};

// The stream of tasks: training samples of the task, exemplars of the memory, or both.
class TaskBatches final : public BatchSource {
 public:
  TaskBatches(Session& session, const clb_stream_request& request);

 private:
  void fill(HostBatch& batch, const std::vector<int64_t>& positions) override;
  std::vector<int64_t> chosen_samples(const clb_stream_request& request) const;
  torch::Tensor numbers(WantedPart::Kind kind) const;  // of samples_, [n]; undefined: not granted

  bool augmented_;
  std::vector<WantedPart> parts_;
  std::vector<int64_t> samples_;        // indices into the training split
  std::vector<torch::Tensor> numbers_;  // of samples_, for each part that has one
  std::unique_ptr<data::ImageBatches> images_;
};

// Whether a view of clb/stream.h is the training view; PluginError CLB_E_INVALID when it is none.
bool is_augmented(uint32_t view);

// The samples of `among` with these ids, in their order; PluginError CLB_E_INVALID for an id that is none of theirs.
std::vector<int64_t> indices_of(stream::SampleIds& sample_ids, const std::vector<int64_t>& among, std::span<const int64_t> ids);

}  // namespace clb::session
