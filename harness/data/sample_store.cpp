#include <clb/base/error.hpp>
#include <clb/data/prepare.hpp>
#include <clb/data/sample_store.hpp>

namespace clb::data {
namespace {

using base::Error;
namespace fs = base::fs;

void expect_fingerprint(const std::string& found, const base::DatasetSpec& dataset) {
  if (!dataset.fingerprint.empty() && found != dataset.fingerprint)
    throw Error("the files in " + dataset.root + " have fingerprint " + found + ", the run was planned for " + dataset.fingerprint +
                "; plan it again with clbench run");
}

}  // namespace

SampleStore::SampleStore(const base::DatasetSpec& dataset, const base::ExecutionSpec& execution, Warn warn, Progress progress)
    : dataset_(dataset),
      cache_(execution.cache_dir),
      store_limit_(execution.store_limit),
      warn_(std::move(warn)),
      progress_(std::move(progress)) {
  if (cache_.empty() && dataset.fingerprint.empty()) {
    read_from_plugin(std::make_unique<Dataset>(dataset.file, dataset.root, dataset.params), From::kPlugin);
  } else if (cache_.empty() || !open_reporting() || !proven()) {
    build();
  }
  if (from_ == From::kPlugin) return;
  for (Split split : kSplits) {
    const auto& file = *files_[static_cast<size_t>(split)];
    keep_ids(split, file.labels(), file.domains());
  }
  if (from_ == From::kPluginByIndex && !plugin_) plugin_ = std::make_unique<Dataset>(dataset_.file, dataset_.root, dataset_.params);
}

void SampleStore::read_from_plugin(std::unique_ptr<Dataset> plugin, From from) {
  plugin_ = std::move(plugin);
  for (Split split : kSplits)  // in the middle of a run others look at them; they are the same
    if (labels(split).empty()) keep_ids(split, plugin_->labels(split), plugin_->domains(split));
  from_ = from;
}

void SampleStore::keep_ids(Split split, std::span<const int64_t> labels, std::span<const int64_t> domains) {
  labels_[static_cast<size_t>(split)].assign(labels.begin(), labels.end());
  domains_[static_cast<size_t>(split)].assign(domains.begin(), domains.end());
}

bool SampleStore::open_files() {
  const auto folder = folder_of(cache_, dataset_.fingerprint);
  Files files;
  uint64_t bytes = 0;
  bool data = true;
  for (Split split : kSplits) {
    auto& file = files[static_cast<size_t>(split)] = SampleFile::open(folder / split_name(split));
    if (!file) return false;
    bytes += file->data_size();
    data = data && file->has_data();
    if (!file->has_data() && file->limit() < store_limit_) return false;  // it may have room by now
  }
  files_ = std::move(files);
  from_ = data && bytes <= static_cast<uint64_t>(store_limit_) ? From::kStore : From::kPluginByIndex;
  return true;
}

bool SampleStore::open_reporting() try { return open_files(); } catch (const Error& e) {
  warn_(std::string(e.what()) + "; it is built again");
  return false;
}

// A store without a dataset was made by whoever opens it.
bool SampleStore::proven() const {
  if (dataset_.file.empty()) return true;
  std::error_code error;
  if (from_ == From::kStore && !dataset_.root.empty() && !fs::exists(dataset_.root, error)) {
    warn_("the samples come from the cache and cannot be compared with their files: " + dataset_.root + " is not there");
    return true;
  }
  return is_proven(cache_, dataset_.fingerprint, dataset_.root);
}

// From the dataset's own files, which must still be those that were planned with. A cache that cannot be written costs the cache, not the
// run.
void SampleStore::build(const std::function<void()>& probe) {
  const auto there = [&] {
    try {
      if (cache_.empty() || !open_files() || !proven()) return false;
      probe();
      return true;
    } catch (const Error&) {  // it has been reported
      return false;
    }
  };
  auto prepared = prepare({.file = dataset_.file,
                           .root = dataset_.root,
                           .params = dataset_.params,
                           .cache = cache_,
                           .store_limit = store_limit_,
                           .progress = progress_,
                           .fingerprint = dataset_.fingerprint,
                           .there = there,
                           .found = [this](const std::string& found) { expect_fingerprint(found, dataset_); }});
  if (!prepared.dataset) return;  // another process has done it
  if (!cache_.empty() && prepared.not_kept.empty() && !open_files())
    prepared.not_kept = "the decoded store in " + cache_.string() + " cannot be read back";
  if (!prepared.not_kept.empty()) warn_(prepared.not_kept + "; samples are read from the dataset itself");
  if (cache_.empty() || !prepared.not_kept.empty()) return read_from_plugin(std::move(prepared.dataset), From::kPlugin);
  if (from_ == From::kPluginByIndex && !plugin_) plugin_ = std::move(prepared.dataset);
}

std::shared_ptr<SampleFile> SampleStore::file_with_data(Split split) {
  const std::lock_guard lock(mutex_);
  auto& file = files_[static_cast<size_t>(split)];
  if (from_ != From::kStore) return file;
  try {
    file->open_data();
  } catch (const Error& e) {
    warn_(std::string(e.what()) + "; it is built again");
    build([&] { file->open_data(); });
    if (from_ == From::kStore) file->open_data();
  }
  return file;
}

SampleBytes SampleStore::read(Split split, int64_t index) {
  if (dataset_.modality == "images") ++images_read_;
  for (auto file = from_ == From::kStore ? file_with_data(split) : nullptr; from_ == From::kStore;) {
    const auto& record = file->record(index);
    try {
      return {file->bytes(index), record.height, record.width, record.channels, false, nullptr, file};
    } catch (const Error& e) {
      const std::lock_guard lock(mutex_);
      auto& current = files_[static_cast<size_t>(split)];
      if (current == file && from_ == From::kStore) {  // the first thread that notices mends for all
        warn_(std::string(e.what()) + "; it is built again");
        build([&] {
          current->open_data();
          current->bytes(index);
        });
        if (from_ == From::kStore) current->open_data();
      }
      file = current;
    }
  }
  return from_ == From::kPluginByIndex ? read_by_index(split, index) : read_plugin(split, index);
}

int64_t SampleStore::bytes_of(Split split, int64_t index) const {
  if (from_ == From::kPlugin) return static_cast<int64_t>(read_plugin(split, index).bytes.size());
  const SampleRecord& record = files_[static_cast<size_t>(split)]->record(index);
  return static_cast<int64_t>(from_ == From::kStore ? record.size : record.source_size);
}

std::string SampleStore::name_of(Split split, int64_t index) const {
  if (from_ == From::kPlugin) {
    const auto sample = read_plugin(split, index);
    return sample_name(sample.name, index);
  }
  const std::lock_guard lock(mutex_);
  const auto name = files_[static_cast<size_t>(split)]->name(index);
  return name.empty() ? sample_name(nullptr, index) : (fs::path(dataset_.root) / name).string();
}

SampleBytes SampleStore::read_plugin(Split split, int64_t index) const {
  const auto samples = std::make_shared<DatasetPlugin::Samples>(plugin_->read(split, {&index, 1}));
  const clb_sample& sample = (*samples)[0];
  const bool encoded = sample.format == CLB_FORMAT_ENCODED;
  return {{sample.bytes, sample.size}, sample.height, sample.width, sample.channels, encoded, sample.name, samples};
}

SampleBytes SampleStore::read_by_index(Split split, int64_t index) const {
  auto sample = read_plugin(split, index);
  const SampleRecord& record = files_[static_cast<size_t>(split)]->record(index);
  if (sample.bytes.size() != record.source_size || crc_of(sample.bytes) != record.source_crc)
    throw Error(sample_name(sample.name, index) + " (in " + dataset_.root +
                ") holds other bytes than when the run was planned; plan it again with clbench run");
  return sample;
}

}  // namespace clb::data
