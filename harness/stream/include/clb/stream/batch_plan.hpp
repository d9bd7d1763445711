// Which samples of a stream stand in which batch: a pure function of the keys, the task, the stream, the epoch and the step.
#pragma once

#include <clb/stream/keys.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

namespace clb::stream {

struct BatchRules {
  int64_t batch_size = 1;
  int64_t epochs = 1;  // 0: endless
  bool shuffle = false, drop_last = false;
};

class BatchPlan {
 public:
  static constexpr int64_t kEndless = INT64_MAX;  // batches() of an endless stream

  // `stream` counts the streams of the task; `samples` per epoch. Error for rules that cannot be followed. The keys live as long as this.
  BatchPlan(const Keys& keys, int64_t task, int64_t stream, int64_t samples, BatchRules rules);

  int64_t samples() const { return samples_; }  // per epoch
  int64_t batches_per_epoch() const { return per_epoch_; }
  int64_t batches() const { return batches_; }  // over all epochs
  int64_t dropped() const { return dropped_; }  // samples per epoch
  int64_t epoch_of(int64_t step) const { return step / per_epoch_; }
  // [any] Positions 0..samples-1 of batch `step`, in the order of delivery.
  std::vector<int64_t> positions(int64_t step) const;
  // [any] The key of a random transform of sample `index` in the epoch of batch `step`.
  uint64_t augment_key(int64_t step, int64_t index) const;

 private:
  std::vector<int64_t> order(int64_t epoch) const;

  const Keys& keys_;
  int64_t task_, stream_, samples_;
  BatchRules rules_;
  int64_t per_epoch_ = 0, batches_ = 0, dropped_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<int64_t, std::vector<int64_t>> orders_;  // of the epochs in use
};

}  // namespace clb::stream
