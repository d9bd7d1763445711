#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <clb/base/temporary.hpp>
#include <clb/data/bad_samples.hpp>
#include <clb/data/image_decode.hpp>
#include <clb/data/sample_store.hpp>
#include <functional>
#include <optional>

namespace clb::data {
namespace {

using base::Error;
namespace fs = base::fs;

constexpr uint64_t kMostProof = 1 << 20;  // of a few paths with their digests

const char* name_of(Split split) { return split == Split::kTrain ? "train" : "test"; }
fs::path folder_of(const fs::path& cache, const std::string& fingerprint) { return cache / "data" / fingerprint; }

// One sample after another, so that those that cannot be read are told apart from the others.
template <class Each>
void each_by_itself(const Dataset& dataset, Split split, const std::vector<int64_t>& indices, BadSamples& bad, Each each) {
  for (const int64_t index : indices) {
    try {
      const auto samples = dataset.read(split, {&index, 1});
      each(index, samples[0]);
    } catch (const PluginError& e) {
      if (e.status() != CLB_E_IO) throw;
      bad.add(e.what());
    }
  }
}

// Calls each(index, sample) for every sample of a split that can be read, in index order, reading a few hundred at a time.
template <class Each>
void for_each_sample(const Dataset& dataset, Split split, BadSamples& bad, Each each) {
  constexpr int64_t kAtOnce = 256;
  const auto count = static_cast<int64_t>(dataset.labels(split).size());
  for (int64_t first = 0; first < count; first += kAtOnce) {
    std::vector<int64_t> indices;
    for (int64_t i = first; i < std::min(count, first + kAtOnce); ++i) indices.push_back(i);
    std::optional<DatasetPlugin::Samples> read;
    try {
      read.emplace(dataset.read(split, indices));
    } catch (const PluginError& e) {
      if (e.status() != CLB_E_IO) throw;
      each_by_itself(dataset, split, indices, bad, each);
      continue;
    }
    const auto& samples = *read;
    for (size_t k = 0; k < samples.size(); ++k) each(indices[k], samples[k]);
  }
}

// One split in its temporary place, decoded or as it is.
class SplitWriter {
 public:
  SplitWriter(const Dataset& dataset, Split split, const fs::path& folder, bool decoded)
      : labels_(dataset.labels(split)), domains_(dataset.domains(split)), writer_(folder / name_of(split), decoded), decoded_(decoded) {}

  void add(int64_t index, const clb_sample& sample, BadSamples& bad) try {
    const std::span bytes(sample.bytes, sample.size);
    SampleRecord shape{.height = static_cast<uint16_t>(sample.height),
                       .width = static_cast<uint16_t>(sample.width),
                       .channels = static_cast<uint8_t>(sample.channels)};
    shape.encoded = sample.format == CLB_FORMAT_ENCODED;
    const auto label = labels_[static_cast<size_t>(index)];
    const auto domain = domains_.empty() ? 0 : domains_[static_cast<size_t>(index)];
    if (!decoded_ || !shape.encoded) {
      size_ += bytes.size();
      return writer_.add(bytes, shape, label, domain);
    }
    const auto image = decode_image(bytes, sample_name(sample.name, index));
    size_ += image.pixels.size();
    writer_.add(image.pixels, {.height = static_cast<uint16_t>(image.height), .width = static_cast<uint16_t>(image.width), .channels = 3},
                label, domain);
  } catch (const Error& e) {
    bad.add(e.what());
  }
  uint64_t size() const { return size_; }
  void finish() { writer_.finish(); }

 private:
  std::span<const int64_t> labels_, domains_;
  SampleFileWriter writer_;
  bool decoded_;
  uint64_t size_ = 0;
};

// A folder beside the final one, removed when the work did not reach its end. Its lock tells `clbench cache prune` that somebody works
// there.
struct TemporaryFolder {
  explicit TemporaryFolder(const fs::path& folder)
      : path((fs::create_directories(folder.parent_path()), base::temporary_folder_beside(folder))),
        lock(base::FileLock::try_lock(path / "lock")) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  // Data files first: an index that is there has its data.
  void move_to(const fs::path& folder) const {
    fs::create_directories(folder);
    for (const bool index : {false, true})
      for (const auto& entry : fs::directory_iterator(path))
        if (entry.path().filename() != "lock" && (entry.path().extension() == ".index") == index)
          fs::rename(entry.path(), folder / entry.path().filename());
  }
  fs::path path;
  std::optional<base::FileLock> lock;
};

// Of a dataset (design: results), split by split in index order.
class Fingerprint {
 public:
  explicit Fingerprint(const Dataset& dataset) : dataset_(dataset) {}

  void begin(Split split) {
    labels_ = dataset_.labels(split), domains_ = dataset_.domains(split);
    hash_.update(name_of(split)).update_u64(labels_.size());
  }
  void add(int64_t index, const clb_sample& sample) {
    const auto k = static_cast<size_t>(index);
    hash_.update_u64(static_cast<uint64_t>(labels_[k])).update_u64(domains_.empty() ? 0 : static_cast<uint64_t>(domains_[k]));
    hash_.update(std::span<const uint8_t>(base::sha256(std::span(sample.bytes, sample.size))));
  }
  std::string finish() { return base::hex(hash_.finish()); }

 private:
  const Dataset& dataset_;
  std::span<const int64_t> labels_, domains_;
  base::Sha256 hash_;
};

std::string fingerprint(const Dataset& dataset) {
  Fingerprint print(dataset);
  BadSamples bad;
  for (Split split : kSplits) {
    print.begin(split);
    for_each_sample(dataset, split, bad, [&](int64_t index, const clb_sample& sample) { print.add(index, sample); });
  }
  bad.expect_none(dataset.root());
  return print.finish();
}

// Writes both splits and returns the fingerprint of exactly what was written; nothing when decoded pixels exceed the limit.
std::optional<std::string> write_store(const Dataset& dataset, const fs::path& folder, bool decoded, int64_t limit) {
  uint64_t total = 0;
  Fingerprint print(dataset);
  BadSamples bad;
  for (Split split : kSplits) {
    SplitWriter writer(dataset, split, folder, decoded);
    print.begin(split);
    bool fits = true;
    for_each_sample(dataset, split, bad, [&](int64_t index, const clb_sample& sample) {
      if (!fits) return;
      print.add(index, sample);
      writer.add(index, sample, bad);
      fits = !decoded || total + writer.size() <= static_cast<uint64_t>(limit);
    });
    if (!fits) return std::nullopt;
    total += writer.size();
    writer.finish();
  }
  bad.expect_none(dataset.root());
  return print.finish();
}

// The sample of the files below `root` that gave a store, beside it: several folders may hold the same samples, packed and unpacked.
fs::path proof_name(const std::string& root) {
  return "files-" + base::hex(base::sha256(fs::absolute(root).lexically_normal().string())).substr(0, 16);
}

// Files that changed while they were read prove nothing.
void write_proof(const Dataset& dataset, const fs::path& folder) {
  if (dataset.files().holds(dataset.root())) base::write_file_atomic(folder / proof_name(dataset.root()), dataset.files().text());
}

// Both splits and the proof, under their fingerprint, which is returned. WriteError when the cache takes nothing: a full disk, a folder of
// somebody else. `expect` may refuse the fingerprint before anything is put in its place.
std::string write_cache(const Dataset& dataset, const fs::path& cache, int64_t limit,
                        const std::function<void(const std::string&)>& expect) {
  try {
    const TemporaryFolder temporary(folder_of(cache, "new"));
    auto print = write_store(dataset, temporary.path, true, limit);
    if (!print) print = write_store(dataset, temporary.path, false, limit);
    write_proof(dataset, temporary.path);
    expect(*print);
    temporary.move_to(folder_of(cache, *print));
    return *print;
  } catch (const fs::filesystem_error& e) {
    throw base::WriteError("the cache " + cache.string() + " cannot be written: " + e.code().message());
  }
}

void expect_fingerprint(const std::string& found, const base::DatasetSpec& dataset) {
  if (found != dataset.fingerprint)
    throw Error("the files in " + dataset.root + " have fingerprint " + found + ", the run was planned for " + dataset.fingerprint +
                "; plan it again with clbench run");
}

}  // namespace

std::string fingerprint_and_cache(const Dataset& dataset, const fs::path& cache, int64_t store_limit) {
  if (cache.empty()) return fingerprint(dataset);
  try {
    return write_cache(dataset, cache, store_limit, [](const std::string&) {});
  } catch (const base::WriteError&) {  // whoever needs the store builds it, or says why it cannot
    return fingerprint(dataset);
  }
}

SampleStore::SampleStore(const base::DatasetSpec& dataset, const base::ExecutionSpec& execution, Warn warn)
    : dataset_(dataset), cache_(execution.cache_dir), store_limit_(execution.store_limit), warn_(std::move(warn)) {
  if (cache_.empty()) {
    read_from_plugin(std::make_unique<Dataset>(dataset.file, dataset.root, dataset.params));
    if (!dataset.fingerprint.empty()) expect_fingerprint(fingerprint(*plugin_), dataset);
    return;
  }
  const auto open = [&] {
    try {
      return open_files();
    } catch (const Error& e) {
      warn_(std::string(e.what()) + "; it is built again");
      return false;
    }
  };
  if (!open() || !proven()) build();
  if (direct_) return;
  for (Split split : kSplits) {
    const auto& file = *files_[static_cast<size_t>(split)];
    keep_ids(split, file.labels(), file.domains());
  }
}

void SampleStore::read_from_plugin(std::unique_ptr<Dataset> plugin) {
  plugin_ = std::move(plugin);
  for (Split split : kSplits)  // in the middle of a run others look at them; they are the same
    if (labels(split).empty()) keep_ids(split, plugin_->labels(split), plugin_->domains(split));
  direct_ = true;
}

void SampleStore::keep_ids(Split split, std::span<const int64_t> labels, std::span<const int64_t> domains) {
  labels_[static_cast<size_t>(split)].assign(labels.begin(), labels.end());
  domains_[static_cast<size_t>(split)].assign(domains.begin(), domains.end());
}

bool SampleStore::open_files() {
  const auto folder = folder_of(cache_, dataset_.fingerprint);
  for (const bool decoded : {true, false}) {
    Files files;
    uint64_t bytes = 0;
    for (Split split : kSplits) {
      auto& file = files[static_cast<size_t>(split)] = SampleFile::open(folder / name_of(split), decoded);
      if (file) bytes += file->data_size();
    }
    if (!files[0] || !files[1] || (decoded && bytes > static_cast<uint64_t>(store_limit_))) continue;
    files_ = std::move(files);
    return true;
  }
  return false;
}

// A store without a dataset was made by whoever opens it.
bool SampleStore::proven() const {
  if (dataset_.file.empty()) return true;
  std::error_code error;
  if (!dataset_.root.empty() && !fs::exists(dataset_.root, error)) {
    warn_("the samples come from the cache and cannot be compared with their files: " + dataset_.root + " is not there");
    return true;
  }
  const fs::path proof = folder_of(cache_, dataset_.fingerprint) / proof_name(dataset_.root);
  try {
    return fs::exists(proof, error) && base::ContentSample(base::read_file(proof, kMostProof)).holds(dataset_.root);
  } catch (const Error&) {  // a proof that cannot be read is none
    return false;
  }
}

// From the dataset's own files, which must still be those that were planned with. A cache that cannot be written costs the cache, not the
// run.
void SampleStore::build() {
  auto dataset = std::make_unique<Dataset>(dataset_.file, dataset_.root, dataset_.params);
  try {
    write_cache(*dataset, cache_, store_limit_, [this](const std::string& found) { expect_fingerprint(found, dataset_); });
    if (!open_files()) throw base::WriteError("the decoded store in " + cache_.string() + " cannot be read back");
  } catch (const base::WriteError& e) {
    warn_(std::string(e.what()) + "; samples are read from the dataset itself");
    expect_fingerprint(fingerprint(*dataset), dataset_);
    read_from_plugin(std::move(dataset));
  }
}

std::shared_ptr<SampleFile> SampleStore::file_with_data(Split split) {
  const std::lock_guard lock(mutex_);
  auto& file = files_[static_cast<size_t>(split)];
  if (direct_) return file;
  try {
    file->open_data();
  } catch (const Error& e) {
    warn_(std::string(e.what()) + "; it is built again");
    build();
    if (!direct_) file->open_data();
  }
  return file;
}

SampleBytes SampleStore::read(Split split, int64_t index) {
  if (dataset_.modality == "images") ++pixels_read_;
  for (auto file = direct_ ? nullptr : file_with_data(split); !direct_;) {
    const auto& record = file->record(index);
    try {
      return {file->bytes(index), record.height, record.width, record.channels, record.encoded != 0, nullptr, file};
    } catch (const Error& e) {
      const std::lock_guard lock(mutex_);
      auto& current = files_[static_cast<size_t>(split)];
      if (current == file && !direct_) {  // the first thread that notices mends for all
        warn_(std::string(e.what()) + "; it is built again");
        build();
        if (!direct_) current->open_data();
      }
      file = current;
    }
  }
  return read_plugin(split, index);
}

int64_t SampleStore::bytes_of(Split split, int64_t index) const {
  if (direct_) return static_cast<int64_t>(read_plugin(split, index).bytes.size());
  return static_cast<int64_t>(files_[static_cast<size_t>(split)]->record(index).size);
}

SampleBytes SampleStore::read_plugin(Split split, int64_t index) const {
  const auto samples = std::make_shared<DatasetPlugin::Samples>(plugin_->read(split, {&index, 1}));
  const clb_sample& sample = (*samples)[0];
  const bool encoded = sample.format == CLB_FORMAT_ENCODED;
  return {{sample.bytes, sample.size}, sample.height, sample.width, sample.channels, encoded, sample.name, samples};
}

}  // namespace clb::data
