#include <string.h>

#include <clb/sdk/guard.hpp>
#include <clb/sdk/tensor.hpp>
#include <clb/session/stream.hpp>
#include <unordered_set>

namespace clb::session {
namespace {

[[noreturn]] void invalid(const std::string& text) { throw PluginError(CLB_E_INVALID, text); }

torch::Tensor to_tensor(const std::vector<int64_t>& values) { return torch::tensor(values, torch::kInt64); }

}  // namespace

std::vector<std::string> checked_kinds(const char* const* names, uint32_t count) {
  constexpr uint32_t kMost = 1000;
  constexpr size_t kLongest = 256;
  if (count > kMost || (count > 0 && names == nullptr))
    invalid(std::to_string(count) + " feature kinds are asked for" + (names == nullptr ? ", and NULL stands in their place" : ""));
  std::vector<std::string> kinds;
  for (uint32_t k = 0; k < count; ++k) {
    if (names[k] == nullptr || strnlen(names[k], kLongest + 1) > kLongest)
      invalid("the name of feature kind " + std::to_string(k) + " is NULL or longer than " + std::to_string(kLongest) + " bytes");
    kinds.emplace_back(names[k]);
  }
  return kinds;
}

void HostBatch::hand_over(clb_batch& out, std::vector<clb_feature>& slots) const {
  clb_batch full{};
  full.n = n;
  full.epoch = epoch;
  full.step = step;
  // A part that the receiver's struct has no member for would never be released.
  const auto share = [](const torch::Tensor& t, bool taken = true) { return taken && t.defined() ? to_dlpack(t) : nullptr; };
  full.images = share(images, CLB_HAS(&out, clb_batch, images));
  full.labels = share(labels, CLB_HAS(&out, clb_batch, labels));
  full.sample_ids = share(sample_ids, CLB_HAS(&out, clb_batch, sample_ids));
  full.task_ids = share(task_ids, CLB_HAS(&out, clb_batch, task_ids));
  slots.clear();
  if (CLB_HAS(&out, clb_batch, feature_stride))
    for (const auto& [kind, values] : features) slots.push_back({sizeof(clb_feature), 0, kind, share(values)});
  full.features = slots.data();
  full.feature_count = static_cast<uint32_t>(slots.size());
  full.feature_stride = sizeof(clb_feature);
  detail::fill_struct(&out, full);
}

std::vector<int64_t> indices_of(stream::SampleIds& sample_ids, const std::vector<int64_t>& among, std::span<const int64_t> ids) {
  const stream::SampleIds::Finder finder(sample_ids, among);
  std::vector<int64_t> indices;
  for (int64_t id : ids) {
    const auto index = finder.index(id);
    if (!index) invalid("sample id " + std::to_string(id) + " is not among the samples that the task may use");
    indices.push_back(*index);
  }
  return indices;
}

Stream::Stream(Session& session, const clb_stream_request& request)
    : session_(session),
      task_(session.task),
      id_(session.streams_opened++),
      view_(request.view),
      shuffle_(request.shuffle != 0),
      drop_last_(request.drop_last != 0),
      batch_size_(request.batch_size),
      epochs_(request.epochs) {
  if (task_ < 0) throw PluginError(CLB_E_STATE, "a stream can be opened only between begin_task and the end of end_task");
  if ((request.sources & ~(CLB_SOURCE_TRAIN | CLB_SOURCE_MEMORY)) != 0 || request.sources == 0)
    invalid("sources holds an unknown bit or none");
  if (view_ != CLB_VIEW_TRAIN && view_ != CLB_VIEW_EVAL) invalid("view is neither CLB_VIEW_TRAIN nor CLB_VIEW_EVAL");
  if (batch_size_ < 1 || epochs_ < 1) invalid("batch_size and epochs must be at least 1");
  if (request.want_images != 0) data::require_images(session_.spec);
  if (request.feature_count > 0 && view_ != CLB_VIEW_EVAL) invalid("features exist for the evaluation view only");
  kinds_ = checked_kinds(request.features, request.feature_count);
  samples_ = chosen_samples(request);
  if (int64_t batches; __builtin_mul_overflow(info().batches_per_epoch, epochs_, &batches))
    invalid("epochs gives more batches than can be counted");

  std::vector<int64_t> labels, parts;
  for (int64_t index : samples_) {
    labels.push_back(session_.protocol.position(session_.store.labels(Split::kTrain)[static_cast<size_t>(index)]));
    parts.push_back(session_.protocol.part_of(index));
  }
  labels_ = to_tensor(labels);
  sample_ids_ = to_tensor(session_.sample_ids.ids(samples_));
  if (session_.protocol.grants_task_ids()) task_ids_ = to_tensor(parts);
  if (!kinds_.empty()) session_.require_features(kinds_, Split::kTrain, samples_);
  if (request.want_images != 0)
    prefetcher_ = std::make_unique<base::Prefetcher<torch::Tensor>>([this](int64_t step) { return make_images(step); }, info().batches,
                                                                    session_.spec.execution.loader_threads);
}

std::vector<int64_t> Stream::chosen_samples(const clb_stream_request& request) const {
  std::vector<int64_t> samples;
  if (request.sources & CLB_SOURCE_TRAIN) samples = session_.protocol.train(task_);
  if (request.sources & CLB_SOURCE_MEMORY) {
    const std::unordered_set<int64_t> there(samples.begin(), samples.end());
    for (int64_t index : session_.memory)
      if (!there.contains(index)) samples.push_back(index);
  }
  if (request.sample_ids == nullptr && request.sample_id_count == 0) return samples;
  if (request.sample_ids == nullptr || request.sample_id_count < 0)
    invalid("sample_id_count is " + std::to_string(request.sample_id_count) +
            (request.sample_ids == nullptr ? ", and sample_ids is NULL" : ""));
  return indices_of(session_.sample_ids, samples, std::span(request.sample_ids, static_cast<size_t>(request.sample_id_count)));
}

clb_stream_info Stream::info() const {
  clb_stream_info info{};
  info.struct_size = sizeof info;
  info.samples = static_cast<int64_t>(samples_.size());
  info.batches_per_epoch = info.samples / batch_size_ + (!drop_last_ && info.samples % batch_size_ != 0 ? 1 : 0);
  info.batches = info.batches_per_epoch * epochs_;
  info.dropped = drop_last_ ? info.samples % batch_size_ : 0;
  return info;
}

std::vector<int64_t> Stream::epoch_order(int64_t epoch) const {
  const auto n = static_cast<int64_t>(samples_.size());
  if (shuffle_) return permutation(session_.keys.number("shuffle", {task_, id_, epoch}), n);
  std::vector<int64_t> order(samples_.size());
  for (int64_t k = 0; k < n; ++k) order[static_cast<size_t>(k)] = k;
  return order;
}

std::vector<int64_t> Stream::batch_positions(int64_t step) const {
  const int64_t per_epoch = info().batches_per_epoch, epoch = step / per_epoch, first = step % per_epoch * batch_size_;
  const std::lock_guard lock(order_mutex_);
  auto found = orders_.find(epoch);
  if (found == orders_.end()) {
    orders_.erase(orders_.begin(), orders_.lower_bound(epoch - 1));
    found = orders_.emplace(epoch, epoch_order(epoch)).first;
  }
  const auto begin = found->second.begin() + first, end = found->second.begin() + std::min<int64_t>(first + batch_size_, info().samples);
  return {begin, end};
}

torch::Tensor Stream::make_images(int64_t step) const {
  const int64_t epoch = step / info().batches_per_epoch;
  const bool augmented = view_ == CLB_VIEW_TRAIN;
  std::vector<ImageRequest> requests;
  for (int64_t k : batch_positions(step)) {
    const int64_t index = samples_[static_cast<size_t>(k)];
    requests.push_back({Split::kTrain, index, augmented ? session_.keys.number("augment", {task_, id_, epoch, index}) : 0});
  }
  return (augmented ? session_.train_images : session_.eval_images).batch(requests);
}

std::optional<HostBatch> Stream::next() {
  session_.check_cancelled();
  if (step_ == info().batches) return std::nullopt;
  const auto positions = batch_positions(step_);
  const auto rows = to_tensor(positions);
  HostBatch batch{.n = static_cast<int64_t>(positions.size()), .epoch = step_ / info().batches_per_epoch, .step = step_};
  batch.labels = labels_.index_select(0, rows).to(session_.device);
  batch.sample_ids = sample_ids_.index_select(0, rows).to(session_.device);
  if (task_ids_.defined()) batch.task_ids = task_ids_.index_select(0, rows).to(session_.device);
  if (prefetcher_) {
    batch.images = prefetcher_->next();
    if (view_ == CLB_VIEW_TRAIN) session_.images_seen += batch.n;
  }
  if (!kinds_.empty()) {
    std::vector<int64_t> indices;
    for (int64_t k : positions) indices.push_back(samples_[static_cast<size_t>(k)]);
    for (const auto& kind : kinds_) batch.features.emplace_back(kind.c_str(), session_.features.gather(kind, Split::kTrain, indices));
  }
  ++step_;
  return batch;
}

}  // namespace clb::session
