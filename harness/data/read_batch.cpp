#include "read_batch.hpp"

#include <clb/base/error.hpp>
#include <clb/data/image_decode.hpp>

namespace clb::data {
namespace {

using State = ReadSample::State;

constexpr size_t kDecodedAhead = 8 << 20;  // bytes of a batch

void decode(ReadSample& sample, const std::string& name, Pixels& pixels) {
  const size_t at = pixels.size();
  try {
    const ImageSize size = decode_image(sample.delivered, name, [&](size_t bytes) { return pixels.extend(bytes); });
    sample.state = State::kDecoded;
    sample.at = at;
    sample.record.size = pixels.size() - at;
    sample.record.crc = crc_of(pixels.bytes(at, pixels.size() - at));
    sample.record.height = static_cast<uint16_t>(size.height);
    sample.record.width = static_cast<uint16_t>(size.width);
    sample.record.channels = 3;
  } catch (const base::Error& e) {
    pixels.cut(at);
    sample.state = State::kUndecodable;
    sample.problem = e.what();
  }
}

}  // namespace

void Batch::clear() {
  samples.clear();
  owners.clear();
  pixels.cut(0);
}

std::span<const uint8_t> Batch::kept(const ReadSample& sample) const {
  if (sample.state == State::kDecoded) return pixels.bytes(sample.at, sample.record.size);
  return sample.state == State::kAsDelivered ? sample.delivered : std::span<const uint8_t>();
}

BatchReader::BatchReader(const Dataset& dataset, Split split, const std::atomic<bool>& keep)
    : dataset_(dataset),
      split_(split),
      keep_(keep),
      labels_(dataset.labels(split)),
      domains_(dataset.domains(split)),
      below_root_((base::fs::path(dataset.root()) / "").string()) {}

Ids BatchReader::ids(int64_t index) const {
  const auto k = static_cast<size_t>(index);
  return {labels_[k], domains_.empty() ? 0 : domains_[k]};
}

void BatchReader::read(int64_t first, int64_t count, Batch& batch) const {
  batch.clear();
  batch.first = first;
  std::vector<int64_t> indices;
  for (int64_t i = first; i < first + count; ++i) indices.push_back(i);
  if (!add(batch, indices) && count > 1)  // one by one, so that those that cannot be read are told apart from the others
    for (const int64_t& index : indices) add(batch, {&index, 1});
}

// False: they cannot be read. A single one is then added with its sentence.
bool BatchReader::add(Batch& batch, std::span<const int64_t> indices) const try {
  const auto& samples = batch.owners.emplace_back(dataset_.read(split_, indices));
  for (size_t k = 0; k < indices.size(); ++k) add(batch, samples[k], indices[k]);
  return true;
} catch (const PluginError& e) {
  if (e.status() != CLB_E_IO) throw;
  if (indices.size() == 1) {
    ReadSample& sample = batch.samples.emplace_back();
    sample.state = State::kUnreadable;
    sample.problem = e.what();
  }
  return false;
}

void BatchReader::add(Batch& batch, const clb_sample& sample, int64_t index) const {
  ReadSample& read = batch.samples.emplace_back();
  read.delivered = {sample.bytes, sample.size};
  read.digest = base::sha256(read.delivered);
  const uint32_t crc = crc_of(read.delivered);
  read.record = {.size = sample.size,
                 .source_size = sample.size,
                 .crc = crc,
                 .source_crc = crc,
                 .height = static_cast<uint16_t>(sample.height),
                 .width = static_cast<uint16_t>(sample.width),
                 .channels = static_cast<uint8_t>(sample.channels)};
  if (sample.name != nullptr) read.name = kept_name(sample.name);
  if (sample.format != CLB_FORMAT_ENCODED || !keep_) return;
  read.record.size = read.record.crc = 0;
  if (batch.pixels.size() > kDecodedAhead)
    read.state = State::kPutOff;
  else
    decode(read, sample_name(sample.name, index), batch.pixels);
}

std::span<const uint8_t> BatchReader::decode_put_off(ReadSample& sample, int64_t index, Pixels& pixels) const {
  const std::string name = (base::fs::path(below_root_) / sample.name).string();
  pixels.cut(0);
  decode(sample, sample_name(sample.name.empty() ? nullptr : name.c_str(), index), pixels);
  return pixels.bytes(0, sample.record.size);
}

// Equal files in another folder serve the same store.
std::string BatchReader::kept_name(const std::string& name) const {
  return name.starts_with(below_root_) ? name.substr(below_root_.size()) : base::fs::absolute(name).string();
}

}  // namespace clb::data
