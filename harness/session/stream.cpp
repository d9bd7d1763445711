#include <clb/sdk/guard.hpp>
#include <clb/session/stream.hpp>
#include <unordered_map>
#include <unordered_set>

namespace clb::session {
namespace {

using Kind = WantedPart::Kind;

[[noreturn]] void invalid(const std::string& text) { throw PluginError(CLB_E_INVALID, text); }

torch::Tensor to_tensor(const std::vector<int64_t>& values) { return torch::tensor(values, torch::kInt64); }

}  // namespace

bool BatchSource::hand_over(clb_batch& out) {
  const auto batch = next();
  if (!batch) return false;
  shared_.clear();
  if (CLB_HAS(&out, clb_batch, part_stride)) shared_ = batch->share();  // parts that the receiver cannot see would never be released
  const clb_batch full{.struct_size = sizeof full,
                       .part_count = static_cast<uint32_t>(shared_.size()),
                       .parts = shared_.data(),
                       .part_stride = sizeof(clb_part),
                       .n = batch->n,
                       .epoch = batch->epoch,
                       .step = batch->step};
  detail::fill_struct(&out, full);
  return true;
}

int64_t opaque_id(const Session& session, int64_t index) { return static_cast<int64_t>(session.keys.number("sample id", {index}) >> 1); }

std::vector<int64_t> indices_of(const Session& session, const std::vector<int64_t>& among, std::span<const int64_t> ids) {
  std::unordered_map<int64_t, int64_t> by_id;
  for (int64_t index : among) by_id.emplace(opaque_id(session, index), index);
  std::vector<int64_t> indices;
  for (int64_t id : ids) {
    const auto found = by_id.find(id);
    if (found == by_id.end()) invalid("sample id " + std::to_string(id) + " is not among the samples that the task may use");
    indices.push_back(found->second);
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
  parts_ = wanted_parts(request.parts, request.part_count);
  const auto kinds = feature_kinds(parts_);
  if (count_of(parts_, Kind::kImages) > 0) data::require_images(session_.spec);
  if (!kinds.empty() && view_ != CLB_VIEW_EVAL) invalid("features exist for the evaluation view only");
  if (count_of(parts_, Kind::kCaptions) > 0) invalid("the stream of tasks has no " CLB_PART_CAPTIONS "; they are of CLB_SOURCE_AUX");
  for (const auto& part : parts_)
    if (part.kind == Kind::kImages) images_.push_back(&session_.images_of(part.role, view_ == CLB_VIEW_TRAIN));
  samples_ = chosen_samples(request);
  if (int64_t batches; __builtin_mul_overflow(info().batches_per_epoch, epochs_, &batches))
    invalid("epochs gives more batches than can be counted");

  for (const auto& part : parts_) numbers_.push_back(numbers(part.kind));
  if (!kinds.empty()) session_.require_features(kinds, Split::kTrain, samples_);
  if (!images_.empty())
    prefetcher_ = std::make_unique<stream::Prefetcher<std::vector<torch::Tensor>>>(
        [this](int64_t step) { return make_images(step); }, info().batches, session_.spec.execution.loader_threads);
}

torch::Tensor Stream::numbers(Kind kind) const {
  if (kind == Kind::kTaskIds && !session_.protocol.grants_task_ids()) return {};
  if (kind != Kind::kLabels && kind != Kind::kSampleIds && kind != Kind::kTaskIds) return {};
  const auto labels = session_.store.labels(Split::kTrain);
  std::vector<int64_t> values;
  values.reserve(samples_.size());
  for (int64_t index : samples_) {
    values.push_back(kind == Kind::kLabels      ? session_.protocol.position(labels[static_cast<size_t>(index)])
                     : kind == Kind::kSampleIds ? opaque_id(session_, index)
                                                : session_.protocol.part_of(index));
  }
  return to_tensor(values);
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
  return indices_of(session_, samples, std::span(request.sample_ids, static_cast<size_t>(request.sample_id_count)));
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

std::vector<torch::Tensor> Stream::make_images(int64_t step) const {
  const int64_t epoch = step / info().batches_per_epoch;
  const bool augmented = view_ == CLB_VIEW_TRAIN;
  std::vector<ImageRequest> requests;
  for (int64_t k : batch_positions(step)) {
    const int64_t index = samples_[static_cast<size_t>(k)];
    requests.push_back({Split::kTrain, index, augmented ? session_.keys.number("augment", {task_, id_, epoch, index}) : 0});
  }
  std::vector<torch::Tensor> made;
  for (const data::Images* images : images_) made.push_back(images->batch(requests));
  return made;
}

std::optional<HostBatch> Stream::next() {
  session_.check_cancelled();
  if (step_ == info().batches) return std::nullopt;
  const auto positions = batch_positions(step_);
  const auto rows = to_tensor(positions);
  HostBatch batch{.n = static_cast<int64_t>(positions.size()), .epoch = step_ / info().batches_per_epoch, .step = step_};
  batch.parts.reserve(parts_.size());
  std::vector<torch::Tensor> images;
  if (prefetcher_) {
    images = prefetcher_->next();
    if (view_ == CLB_VIEW_TRAIN) session_.images_seen += batch.n;
  }
  std::vector<int64_t> indices;
  for (int64_t k : positions) indices.push_back(samples_[static_cast<size_t>(k)]);
  size_t image = 0;
  for (size_t p = 0; p < parts_.size(); ++p) {
    const auto add = [&](torch::Tensor tensor) { batch.parts.emplace_back(parts_[p].name.c_str(), std::move(tensor)); };
    if (parts_[p].kind == Kind::kImages)
      add(images[image++]);
    else if (parts_[p].kind == Kind::kFeatures)
      add(session_.features.gather(parts_[p].name, Split::kTrain, indices));
    else if (numbers_[p].defined())
      add(numbers_[p].index_select(0, rows).to(session_.device));
  }
  ++step_;
  return batch;
}

}  // namespace clb::session
