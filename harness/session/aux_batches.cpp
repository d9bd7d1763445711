#include <algorithm>
#include <clb/session/aux_batches.hpp>
#include <cstring>
#include <string_view>

#include "invalid.hpp"

namespace clb::session {
namespace {

using Kind = WantedPart::Kind;

constexpr size_t kLongest = 1 << 16;  // bytes of a caption

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

// The lines of a file.
class Captions final : public BatchSource {
 public:
  Captions(Session& session, const clb_stream_request& request, const std::string& asset, const Asset& file)
      : BatchSource(session, request) {
    const auto parts = wanted_parts(request.parts, request.part_count);
    for (const auto& part : parts)
      if (part.kind != Kind::kCaptions)
        invalid("the asset \"" + asset + "\" is a file of captions and has no part \"" + part.name + "\", but " CLB_PART_CAPTIONS);
    wanted_ = !parts.empty();
    const auto bytes = file.bytes();
    lines_ = lines_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, asset);
    plan_batches(static_cast<int64_t>(lines_.size()));
  }

 private:
  void fill(HostBatch& batch, const std::vector<int64_t>& positions) override {
    if (!wanted_) return;
    size_t longest = 1;
    for (const int64_t k : positions) longest = std::max(longest, lines_[static_cast<size_t>(k)].size());
    const auto width = static_cast<int64_t>(longest);
    auto captions = torch::zeros({batch.n, width}, torch::kUInt8);  // [n, longest]
    auto* row = captions.mutable_data_ptr<uint8_t>();
    for (const int64_t k : positions) {
      const std::string_view line = lines_[static_cast<size_t>(k)];
      std::memcpy(row, line.data(), line.size());
      row += width;
    }
    batch.parts.emplace_back(CLB_PART_CAPTIONS, captions.to(session().device));
  }

  bool wanted_ = false;  // else batches of nothing but their size
  std::vector<std::string_view> lines_;
};

// The training images of a data set.
class AuxImages final : public BatchSource {
 public:
  AuxImages(Session& session, const clb_stream_request& request, const std::string& asset, const AuxData& data)
      : BatchSource(session, request), parts_(wanted_parts(request.parts, request.part_count)), samples_(data.samples()) {
    for (const auto& part : parts_)
      if (part.kind != Kind::kImages)
        invalid("the asset \"" + asset + "\" is a data set without labels and has no part \"" + part.name + "\", but images");
    data::require_images(session.spec);  // a run on vectors has no transforms
    const bool augmented = is_augmented(request.view);
    std::vector<const Images*> views;
    for (const auto& part : parts_) views.push_back(&session.view_of(data.views(), part.role, augmented));
    plan_batches(static_cast<int64_t>(samples_.size()));
    images_ = image_batches(views, samples_, augmented);
  }

 private:
  void fill(HostBatch& batch, const std::vector<int64_t>&) override {
    const auto images = images_ ? images_->next() : std::vector<torch::Tensor>();
    for (size_t p = 0; p < parts_.size(); ++p) batch.parts.emplace_back(parts_[p].name.c_str(), images[p]);
  }

  std::vector<WantedPart> parts_;
  const std::vector<int64_t>& samples_;
  std::unique_ptr<data::ImageBatches> images_;
};

}  // namespace

std::unique_ptr<BatchSource> open_aux_batches(Session& session, const clb_stream_request& request, Assets& assets) {
  if (request.sources != CLB_SOURCE_AUX || request.aux == nullptr) invalid("CLB_SOURCE_AUX stands alone, and aux names an asset");
  if (request.sample_ids != nullptr || request.sample_id_count != 0) invalid("auxiliary data have no sample ids");
  const std::string name(request.aux, strnlen(request.aux, 256));
  if (assets.is_dataset(name)) return std::make_unique<AuxImages>(session, request, name, assets.dataset(name, session));
  return std::make_unique<Captions>(session, request, name, assets.at(name));
}

}  // namespace clb::session
