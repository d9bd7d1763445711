#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/stream/batch_plan.hpp>
#include <numeric>

namespace clb::stream {

BatchPlan::BatchPlan(const Keys& keys, int64_t task, int64_t stream, int64_t samples, BatchRules rules)
    : keys_(keys), task_(task), stream_(stream), samples_(samples), rules_(rules) {
  if (rules.batch_size < 1) throw base::Error("batch_size must be at least 1");
  if (rules.epochs < 0) throw base::Error("epochs must not be negative");
  const int64_t rest = samples % rules.batch_size;
  per_epoch_ = samples / rules.batch_size + (!rules.drop_last && rest != 0 ? 1 : 0);
  dropped_ = rules.drop_last ? rest : 0;
  if (rules.epochs > 0) {
    if (__builtin_mul_overflow(per_epoch_, rules.epochs, &batches_)) throw base::Error("epochs gives more batches than can be counted");
    return;
  }
  if (per_epoch_ == 0) throw base::Error("an endless stream needs at least one batch of samples");
  batches_ = kEndless;
}

std::vector<int64_t> BatchPlan::order(int64_t epoch) const {
  if (rules_.shuffle) return permutation(keys_.number("shuffle", {task_, stream_, epoch}), samples_);
  std::vector<int64_t> order(static_cast<size_t>(samples_));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::vector<int64_t> BatchPlan::positions(int64_t step) const {
  const int64_t epoch = epoch_of(step), first = step % per_epoch_ * rules_.batch_size;
  const std::lock_guard lock(mutex_);
  auto found = orders_.find(epoch);
  if (found == orders_.end()) {
    orders_.erase(orders_.begin(), orders_.lower_bound(epoch - 1));
    found = orders_.emplace(epoch, order(epoch)).first;
  }
  const auto begin = found->second.begin();
  return {begin + first, begin + std::min(first + rules_.batch_size, samples_)};
}

uint64_t BatchPlan::augment_key(int64_t step, int64_t index) const {
  return keys_.number("augment", {task_, stream_, epoch_of(step), index});
}

}  // namespace clb::stream
