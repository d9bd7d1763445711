#include <sched.h>

#include <algorithm>
#include <atomic>
#include <clb/base/error.hpp>
#include <clb/base/prefetcher.hpp>
#include <clb/base/sha256.hpp>
#include <clb/data/bad_samples.hpp>
#include <clb/data/first_pass.hpp>
#include <clb/data/image_decode.hpp>
#include <clb/data/sample_file.hpp>
#include <memory>

namespace clb::data {
namespace {

constexpr int64_t kMostThreads = 16;
constexpr int64_t kBatchBytes = 256 << 10;   // of samples of one known size
constexpr int64_t kBatchOfUnknown = 32;      // images of any size, ...
constexpr size_t kDecodedOfBatch = 8 << 20;  // ... and where they are large, the rest of the batch is decoded when it is taken

int64_t usable_cores() {
  cpu_set_t mine;
  return sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
}

// A sample as a worker leaves it.
struct Worked {
  base::Digest digest{};
  SampleRecord record;
  std::span<const uint8_t> bytes;  // decoded; of the plugin or of `image`
  DecodedImage image;
  std::string name;
  std::string unreadable, undecodable;  // a sentence, or ""
  bool put_off = false;                 // `bytes` are still the file's
};

// Consecutive samples, with what their bytes belong to.
struct Batch {
  int64_t first = 0;
  std::vector<DatasetPlugin::Samples> owners;
  std::vector<Worked> samples;
  size_t decoded = 0;  // bytes
};

// What the workers do with a split; [any].
class Worker {
 public:
  Worker(const Dataset& dataset, Split split, const std::atomic<bool>& decode)
      : dataset_(dataset), split_(split), decode_(decode), below_root_((base::fs::path(dataset.root()) / "").string()) {}

  std::unique_ptr<Batch> read(int64_t first, int64_t count) const {
    auto batch = std::make_unique<Batch>();
    batch->first = first;
    std::vector<int64_t> indices;
    for (int64_t i = first; i < first + count; ++i) indices.push_back(i);
    if (!add(*batch, indices) && count > 1)  // one by one, so that those that cannot be read are told apart from the others
      for (const int64_t& index : indices) add(*batch, {&index, 1});
    return batch;
  }

  // A sample that was put off, decoded by whoever takes it: one at a time.
  void finish(Worked& w, int64_t index) const {
    if (!w.put_off || !decode_) return;
    const std::string name = (base::fs::path(below_root_) / w.name).string();
    decode(w, sample_name(w.name.empty() ? nullptr : name.c_str(), index));
  }

 private:
  // False: they cannot be read. A single one is then added with its sentence.
  bool add(Batch& batch, std::span<const int64_t> indices) const {
    try {
      const auto& samples = batch.owners.emplace_back(dataset_.read(split_, indices));
      for (size_t k = 0; k < indices.size(); ++k) batch.samples.push_back(worked(samples[k], indices[k], batch.decoded));
      return true;
    } catch (const PluginError& e) {
      if (e.status() != CLB_E_IO) throw;
      if (indices.size() == 1) batch.samples.emplace_back().unreadable = e.what();
      return false;
    }
  }

  Worked worked(const clb_sample& sample, int64_t index, size_t& decoded) const {
    Worked w;
    w.bytes = {sample.bytes, sample.size};
    w.digest = base::sha256(w.bytes);
    w.record = {.source_size = sample.size,
                .source_crc = crc_of(w.bytes),
                .height = static_cast<uint16_t>(sample.height),
                .width = static_cast<uint16_t>(sample.width),
                .channels = static_cast<uint8_t>(sample.channels)};
    if (sample.name != nullptr) w.name = kept_name(sample.name);
    if (sample.format != CLB_FORMAT_ENCODED || !decode_) return w;
    w.put_off = decoded > kDecodedOfBatch;
    if (!w.put_off) decode(w, sample_name(sample.name, index));
    decoded += w.image.pixels.size();
    return w;
  }

  // Equal files in another folder serve the same store.
  std::string kept_name(const std::string& name) const {
    return name.starts_with(below_root_) ? name.substr(below_root_.size()) : base::fs::absolute(name).string();
  }

  static void decode(Worked& w, const std::string& name) try {
    w.put_off = false;
    w.image = decode_image(w.bytes, name);
    w.record.height = static_cast<uint16_t>(w.image.height);
    w.record.width = static_cast<uint16_t>(w.image.width);
    w.record.channels = 3;
    w.bytes = w.image.pixels;
  } catch (const base::Error& e) {
    w.undecodable = e.what();
  }

  const Dataset& dataset_;
  Split split_;
  const std::atomic<bool>& decode_;
  std::string below_root_;
};

// Of every sample, where they are of one size; 0: only the files know.
int64_t bytes_of_each(const base::DatasetInfo& info) {
  return info.feature_dim * static_cast<int64_t>(sizeof(float)) + info.height * info.width * info.channels;
}
int64_t batch_size(int64_t bytes) { return bytes > 0 ? std::clamp<int64_t>(kBatchBytes / bytes, 1, 256) : kBatchOfUnknown; }

class Pass {
 public:
  Pass(const Dataset& dataset, const FirstPass& options) : dataset_(dataset), options_(options) {
    for (Split split : kSplits) total_ += static_cast<int64_t>(dataset.labels(split).size());
    const int64_t each = bytes_of_each(dataset.info());
    batch_size_ = batch_size(each);
    keep_data_ = !options.folder.empty() && (each == 0 || total_ <= options.store_limit / each);
  }

  Read read() {
    options_.progress("samples", 0, total_);
    for (Split split : kSplits) read(split);
    (keep_data_ ? bad_ : unreadable_).expect_none(dataset_.root());
    try_to_write([&] {
      for (const auto& writer : writers_) writer->finish(options_.store_limit);
    });
    return {base::hex(hash_.finish()), not_kept_};
  }

 private:
  void read(Split split) {
    const auto labels = dataset_.labels(split), domains = dataset_.domains(split);
    const auto count = static_cast<int64_t>(labels.size());
    const char* name = split == Split::kTrain ? "train" : "test";
    hash_.update(name).update_u64(labels.size());
    if (!options_.folder.empty() && not_kept_.empty())
      try_to_write([&] {
        writers_.push_back(std::make_unique<SampleFileWriter>(options_.folder / name));
        if (!keep_data_) writers_.back()->drop_data();
      });
    const Worker worker(dataset_, split, keep_data_);
    base::Prefetcher<std::unique_ptr<Batch>> batches(
        [&](int64_t k) { return worker.read(k * batch_size_, std::min(batch_size_, count - k * batch_size_)); },
        (count + batch_size_ - 1) / batch_size_, std::min(usable_cores(), kMostThreads));
    for (int64_t done = 0; done < count;) {
      const auto batch = batches.next();
      for (Worked& sample : batch->samples) {
        worker.finish(sample, done);
        take(sample, labels[static_cast<size_t>(done)], domains.empty() ? 0 : domains[static_cast<size_t>(done)]);
        ++done;
      }
      options_.progress("samples", done_ += static_cast<int64_t>(batch->samples.size()), total_);
    }
  }

  // What cannot be written costs the cache, not the pass.
  template <class Write>
  void try_to_write(Write write) try {
    write();
  } catch (const base::WriteError& e) {
    not_kept_ = e.what();
    writers_.clear();
    keep_data_ = false;
  }

  void take(const Worked& sample, int64_t label, int64_t domain) {
    if (!sample.unreadable.empty()) {
      unreadable_.add(sample.unreadable);
      return bad_.add(sample.unreadable);
    }
    hash_.update_u64(static_cast<uint64_t>(label)).update_u64(static_cast<uint64_t>(domain));
    hash_.update(std::span<const uint8_t>(sample.digest));
    if (!sample.undecodable.empty()) bad_.add(sample.undecodable);
    if (writers_.empty()) return;
    writers_.back()->add(sample.bytes, sample.record, label, domain, sample.name);
    if (!keep_data_) return;
    uint64_t size = 0;
    for (const auto& writer : writers_) size += writer->size();
    if (size <= static_cast<uint64_t>(options_.store_limit)) return;
    keep_data_ = false;
    for (const auto& writer : writers_) writer->drop_data();
  }

  const Dataset& dataset_;
  const FirstPass& options_;
  int64_t batch_size_ = 0, total_ = 0, done_ = 0;
  std::atomic<bool> keep_data_{false};  // decoded; read by the workers
  base::Sha256 hash_;
  BadSamples unreadable_, bad_;  // bad: unreadable or undecodable
  std::string not_kept_;
  std::vector<std::unique_ptr<SampleFileWriter>> writers_;
};

}  // namespace

Read read_all(const Dataset& dataset, const FirstPass& pass) { return Pass(dataset, pass).read(); }

}  // namespace clb::data
