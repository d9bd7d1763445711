#include <algorithm>
#include <clb/sdk/error.hpp>
#include <clb/session/captions.hpp>
#include <cstring>
#include <limits>
#include <numeric>

namespace clb::session {
namespace {

constexpr int64_t kEndless = std::numeric_limits<int64_t>::max();
constexpr size_t kLongest = 1 << 16;  // bytes of a caption

[[noreturn]] void invalid(const std::string& text) { throw PluginError(CLB_E_INVALID, text, "", 0); }

std::vector<std::string_view> lines_of(std::string_view text, const std::string& asset) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.size() > kLongest)
      invalid("line " + std::to_string(lines.size() + 1) + " of the asset \"" + asset + "\" is no caption: it is too long");
    if (!line.empty()) lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (lines.empty()) invalid("the asset \"" + asset + "\" holds no caption; it must have one a line");
  return lines;
}

}  // namespace

Captions::Captions(Session& session, const clb_stream_request& request, Assets& assets)
    : session_(session),
      task_(session.task),
      id_(session.streams_opened++),
      shuffle_(request.shuffle != 0),
      drop_last_(request.drop_last != 0),
      batch_size_(request.batch_size),
      epochs_(request.epochs) {
  if (task_ < 0) throw PluginError(CLB_E_STATE, "a stream can be opened only between begin_task and the end of end_task");
  if (request.sources != CLB_SOURCE_AUX || request.aux == nullptr) invalid("CLB_SOURCE_AUX stands alone, and aux names an asset");
  if (request.sample_ids != nullptr || request.sample_id_count != 0) invalid("auxiliary data have no sample ids");
  if (batch_size_ < 1 || epochs_ < 0) invalid("batch_size must be at least 1, and epochs not negative");
  const auto parts = wanted_parts(request.parts, request.part_count);
  for (const auto& part : parts)
    if (part.kind != WantedPart::Kind::kCaptions) invalid("auxiliary data have no part \"" + part.name + "\", but " CLB_PART_CAPTIONS);
  wanted_ = !parts.empty();
  const std::string name(request.aux, strnlen(request.aux, 256));
  const auto bytes = assets.at(name).bytes();
  lines_ = lines_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name);
  if (epochs_ == 0 && info().batches_per_epoch == 0) invalid("an endless stream needs at least batch_size captions where drop_last is set");
}

clb_stream_info Captions::info() const {
  clb_stream_info info{};
  info.struct_size = sizeof info;
  info.samples = static_cast<int64_t>(lines_.size());
  info.batches_per_epoch = info.samples / batch_size_ + (!drop_last_ && info.samples % batch_size_ != 0 ? 1 : 0);
  if (epochs_ == 0 || __builtin_mul_overflow(info.batches_per_epoch, epochs_, &info.batches)) info.batches = kEndless;
  info.dropped = drop_last_ ? info.samples % batch_size_ : 0;
  return info;
}

std::optional<HostBatch> Captions::next() {
  session_.check_cancelled();
  const auto all = info();
  if (step_ >= all.batches) return std::nullopt;
  const int64_t epoch = step_ / all.batches_per_epoch, first = step_ % all.batches_per_epoch * batch_size_;
  if (epoch != order_epoch_) {
    order_epoch_ = epoch;
    order_.resize(lines_.size());
    std::iota(order_.begin(), order_.end(), 0);
    if (shuffle_) order_ = permutation(session_.keys.number("shuffle", {task_, id_, epoch}), all.samples);
  }
  HostBatch batch{.n = std::min(batch_size_, all.samples - first), .epoch = epoch, .step = step_++};
  if (!wanted_) return batch;
  const auto line = [&](int64_t k) { return lines_[static_cast<size_t>(order_[static_cast<size_t>(first + k)])]; };
  size_t longest = 1;
  for (int64_t k = 0; k < batch.n; ++k) longest = std::max(longest, line(k).size());
  const auto width = static_cast<int64_t>(longest);
  auto captions = torch::zeros({batch.n, width}, torch::kUInt8);  // [n, longest]
  for (int64_t k = 0; k < batch.n; ++k) std::memcpy(captions.mutable_data_ptr<uint8_t>() + k * width, line(k).data(), line(k).size());
  batch.parts.emplace_back(CLB_PART_CAPTIONS, captions.to(session_.device));
  return batch;
}

}  // namespace clb::session
