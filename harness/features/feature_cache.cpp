#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/base/sha256.hpp>
#include <clb/features/feature_cache.hpp>
#include <cstring>

namespace clb::features {
namespace {

using base::Error;
namespace fs = base::fs;

std::span<const uint8_t> raw(const void* data, size_t bytes) { return {static_cast<const uint8_t*>(data), bytes}; }

}  // namespace

FeatureCache::FeatureCache(const Folders& folders, const base::Json& key, int64_t dim, Warn warn)
    : key_(key), dim_(dim), warn_(std::move(warn)) {
  const fs::path inner = fs::path("features") / base::hex(base::sha256(base::canonical(key)));
  if (!folders.own.empty()) folder_ = folders.own / inner;
  if (!folders.shared.empty() && folders.shared != folders.own) shared_ = folders.shared / inner;
  load();
}

void FeatureCache::load() {
  load_folder(folder_, true);
  load_folder(shared_, false);
}

void FeatureCache::load_folder(const fs::path& folder, bool own) {
  std::error_code error;
  if (folder.empty() || !fs::exists(folder, error)) return;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path& file = entry->path();
    if (file.extension() == ".safetensors" && std::find(known_.begin(), known_.end(), file) == known_.end()) files.push_back(file);
  }
  if (error) warn_("the feature cache " + folder.string() + " cannot be read (" + error.message() + "); its features are computed again");
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    known_.push_back(file);
    try {
      map_segment(file);
    } catch (const Error& e) {
      warn_(std::string(e.what()) + (own ? "; it is removed and its features are computed again" : "; its features are computed again"));
      std::error_code ignored;
      if (own) fs::remove(file, ignored);
    }
  }
}

void FeatureCache::map_segment(const fs::path& file) {
  base::MappedFile mapped(file);
  const auto bytes = mapped.bytes();
  const std::string name = "the feature cache " + file.string();
  const auto header = base::parse_safetensors(bytes, name);
  const auto ids = header.tensors.find("ids"), values = header.tensors.find("values");
  const auto checksum = header.metadata.find("sha256"), cost = header.metadata.find("seconds");
  if (ids == header.tensors.end() || values == header.tensors.end() || checksum == header.metadata.end() || cost == header.metadata.end())
    throw Error(name + " is damaged: an entry is missing");
  const auto& id_shape = ids->second.shape;
  const auto& value_shape = values->second.shape;
  if (ids->second.dtype != "I64" || values->second.dtype != "F32" || id_shape.size() != 1 || value_shape.size() != 2 ||
      id_shape[0] != value_shape[0] || value_shape[1] != dim_ || values->second.begin % alignof(float) != 0)
    throw Error(name + " is damaged: its shapes do not fit");
  const auto id_bytes = bytes.subspan(ids->second.begin, ids->second.end - ids->second.begin);
  const auto value_bytes = bytes.subspan(values->second.begin, values->second.end - values->second.begin);
  if (base::hex(base::Sha256().update(id_bytes).update(value_bytes).update(cost->second).finish()) != checksum->second)
    throw Error(name + " is damaged: its checksum differs");
  const int64_t n = id_shape[0];
  const double each = std::strtod(cost->second.c_str(), nullptr) / static_cast<double>(std::max<int64_t>(n, 1));
  Part part{.ids = std::vector<int64_t>(static_cast<size_t>(n)),
            .values = reinterpret_cast<const float*>(value_bytes.data()),
            .seconds = each,
            .file = file,
            .checksum = checksum->second};
  std::memcpy(part.ids.data(), id_bytes.data(), id_bytes.size());
  keep(std::move(part));
  segments_.push_back(std::move(mapped));
}

void FeatureCache::keep(Part part) {
  for (size_t k = 0; k < part.ids.size(); ++k) rows_.try_emplace(part.ids[k], Place{parts_.size(), k});
  parts_.push_back(std::make_unique<Part>(std::move(part)));
}

void FeatureCache::add(const std::vector<int64_t>& ids, const torch::Tensor& values, double seconds) {
  owned_.push_back(values);
  keep({.ids = ids,
        .values = values.const_data_ptr<float>(),
        .seconds = seconds / static_cast<double>(ids.size()),
        .proven = true,
        .file = {},
        .checksum = {}});
  if (folder_.empty()) return;
  try {
    write_segment(ids, values, seconds);
  } catch (const std::exception& e) {  // a full disk costs the cache, not the run
    warn_(std::string("features are not cached: ") + e.what());
  }
}

void FeatureCache::write_segment(const std::vector<int64_t>& ids, const torch::Tensor& values, double seconds) {
  const auto id_bytes = raw(ids.data(), ids.size() * sizeof(int64_t));
  const auto value_bytes = raw(values.const_data_ptr(), values.nbytes());
  const std::string cost = std::to_string(seconds);
  const std::string checksum = base::hex(base::Sha256().update(id_bytes).update(value_bytes).update(cost).finish());
  const auto n = static_cast<int64_t>(ids.size());
  std::string file = base::safetensors_header({{"ids", {.dtype = "I64", .shape = {n}}}, {"values", {.dtype = "F32", .shape = {n, dim_}}}},
                                              {{"sha256", checksum}, {"seconds", cost}, {"key", base::canonical(key_)}});
  file.append(reinterpret_cast<const char*>(id_bytes.data()), id_bytes.size());
  file.append(reinterpret_cast<const char*>(value_bytes.data()), value_bytes.size());
  fs::create_directories(folder_);
  const std::string name = checksum.substr(0, 16) + ".safetensors";
  base::write_file_atomic(folder_ / name, file);
  known_.push_back(folder_ / name);
}

}  // namespace clb::features
