#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/sdk/guard.hpp>
#include <clb/session/batches.hpp>
#include <unordered_set>

#include "invalid.hpp"

namespace clb::session {
namespace {

using Kind = WantedPart::Kind;

torch::Tensor to_tensor(const std::vector<int64_t>& values) { return torch::tensor(values, torch::kInt64); }

}  // namespace

BatchSource::BatchSource(Session& session, const clb_stream_request& request)
    : session_(session),
      task_(session.task),
      id_(session.streams_opened++),
      rules_{.batch_size = request.batch_size,
             .epochs = request.epochs,
             .shuffle = request.shuffle != 0,
             .drop_last = request.drop_last != 0} {
  if (task_ < 0) throw PluginError(CLB_E_STATE, "a stream can be opened only between begin_task and the end of end_task");
  const bool endless = request.epochs == 0 && request.sources == CLB_SOURCE_AUX;
  if (request.batch_size < 1 || (request.epochs < 1 && !endless)) invalid("batch_size and epochs must be at least 1");
}

bool is_augmented(uint32_t view) {
  if (view != CLB_VIEW_TRAIN && view != CLB_VIEW_EVAL) invalid("view is neither CLB_VIEW_TRAIN nor CLB_VIEW_EVAL");
  return view == CLB_VIEW_TRAIN;
}

void BatchSource::plan_batches(int64_t samples) try {
  plan_.emplace(session_.keys, task_, id_, samples, rules_);
} catch (const base::Error& error) {
  invalid(error.what());
}

std::unique_ptr<data::ImageBatches> BatchSource::image_batches(const std::vector<const Images*>& views, const std::vector<int64_t>& samples,
                                                               bool augmented) {
  if (views.empty()) return nullptr;
  repeats_ = std::none_of(views.begin(), views.end(), [](const Images* view) { return view->recipe().random(); });
  const auto requests = [this, &samples, augmented](int64_t step) {
    std::vector<ImageRequest> list;
    for (const int64_t k : plan_->positions(step)) {
      const int64_t index = samples[static_cast<size_t>(k)];
      list.push_back({Split::kTrain, index, augmented ? plan_->augment_key(step, index) : 0});
    }
    return list;
  };
  return std::make_unique<data::ImageBatches>(views, requests, plan_->batches(), session_.spec.execution.loader_threads, session_.spans);
}

clb_stream_info BatchSource::info() const {
  clb_stream_info info{};
  info.struct_size = sizeof info;
  info.flags = repeats_ ? CLB_STREAM_REPEATS : 0;
  info.samples = plan_->samples();
  info.batches_per_epoch = plan_->batches_per_epoch();
  info.batches = plan_->batches();
  info.dropped = plan_->dropped();
  return info;
}

std::optional<HostBatch> BatchSource::next() {
  session_.check_cancelled();
  if (step_ == plan_->batches()) return std::nullopt;
  const auto positions = plan_->positions(step_);
  HostBatch batch{.n = static_cast<int64_t>(positions.size()), .epoch = plan_->epoch_of(step_), .step = step_};
  fill(batch, positions);
  ++step_;
  return batch;
}

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

TaskBatches::TaskBatches(Session& session, const clb_stream_request& request)
    : BatchSource(session, request), augmented_(is_augmented(request.view)), parts_(wanted_parts(request.parts, request.part_count)) {
  if ((request.sources & ~(CLB_SOURCE_TRAIN | CLB_SOURCE_MEMORY)) != 0 || request.sources == 0)
    invalid("sources holds an unknown bit or none");
  const auto kinds = feature_kinds(parts_);
  if (count_of(parts_, Kind::kImages) > 0) data::require_images(session.spec);
  if (!kinds.empty() && augmented_) invalid("features exist for the evaluation view only");
  if (count_of(parts_, Kind::kCaptions) > 0) invalid("the stream of tasks has no " CLB_PART_CAPTIONS "; they are of CLB_SOURCE_AUX");
  std::vector<const Images*> views;
  for (const auto& part : parts_)
    if (part.kind == Kind::kImages) views.push_back(&session.view_of(session.views, part.role, augmented_));
  samples_ = chosen_samples(request);
  plan_batches(static_cast<int64_t>(samples_.size()));
  for (const auto& part : parts_) numbers_.push_back(numbers(part.kind));
  if (!kinds.empty()) session.require_features(kinds, Split::kTrain, samples_);
  images_ = image_batches(views, samples_, augmented_);
}

torch::Tensor TaskBatches::numbers(Kind kind) const {
  Session& s = session();
  if (kind == Kind::kTaskIds && !s.protocol.grants_task_ids()) return {};
  if (kind == Kind::kSampleIds) return to_tensor(s.sample_ids.ids(samples_));
  if (kind != Kind::kLabels && kind != Kind::kTaskIds) return {};
  const auto labels = s.store.labels(Split::kTrain);
  std::vector<int64_t> values;
  values.reserve(samples_.size());
  for (int64_t index : samples_)
    values.push_back(kind == Kind::kLabels ? s.protocol.position(labels[static_cast<size_t>(index)]) : s.protocol.part_of(index));
  return to_tensor(values);
}

std::vector<int64_t> TaskBatches::chosen_samples(const clb_stream_request& request) const {
  Session& s = session();
  std::vector<int64_t> samples;
  if (request.sources & CLB_SOURCE_TRAIN) samples = s.protocol.train(s.task);
  if (request.sources & CLB_SOURCE_MEMORY) {
    const std::unordered_set<int64_t> there(samples.begin(), samples.end());
    for (int64_t index : s.memory)
      if (!there.contains(index)) samples.push_back(index);
  }
  if (request.sample_ids == nullptr && request.sample_id_count == 0) return samples;
  if (request.sample_ids == nullptr || request.sample_id_count < 0)
    invalid("sample_id_count is " + std::to_string(request.sample_id_count) +
            (request.sample_ids == nullptr ? ", and sample_ids is NULL" : ""));
  return indices_of(s.sample_ids, samples, std::span(request.sample_ids, static_cast<size_t>(request.sample_id_count)));
}

void TaskBatches::fill(HostBatch& batch, const std::vector<int64_t>& positions) {
  Session& s = session();
  const auto rows = to_tensor(positions);
  const auto images = images_ ? images_->next() : std::vector<torch::Tensor>();
  if (!images.empty() && augmented_) s.images_seen += batch.n;
  std::vector<int64_t> indices;
  for (int64_t k : positions) indices.push_back(samples_[static_cast<size_t>(k)]);
  batch.parts.reserve(parts_.size());
  size_t image = 0;
  for (size_t p = 0; p < parts_.size(); ++p) {
    const auto add = [&](torch::Tensor tensor) { batch.parts.emplace_back(parts_[p].name.c_str(), std::move(tensor)); };
    if (parts_[p].kind == Kind::kImages)
      add(images[image++]);
    else if (parts_[p].kind == Kind::kFeatures)
      add(s.features.gather(parts_[p].name, Split::kTrain, indices));
    else if (numbers_[p].defined())
      add(numbers_[p].index_select(0, rows).to(s.device));
  }
}

}  // namespace clb::session
