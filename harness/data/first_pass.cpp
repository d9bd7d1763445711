#include <sched.h>

#include <algorithm>
#include <atomic>
#include <clb/base/error.hpp>
#include <clb/base/in_order.hpp>
#include <clb/base/sha256.hpp>
#include <clb/data/bad_samples.hpp>
#include <clb/data/first_pass.hpp>
#include <memory>

#include "read_batch.hpp"

namespace clb::data {
namespace {

using State = ReadSample::State;

constexpr int64_t kMostThreads = 16;
constexpr int64_t kBatchBytes = 256 << 10;  // of samples of one known size
constexpr int64_t kBatchOfUnknown = 32;     // images of any size

int64_t usable_cores() {
  cpu_set_t mine;
  return sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
}

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
    const auto count = static_cast<int64_t>(dataset_.labels(split).size());
    const char* name = split == Split::kTrain ? "train" : "test";
    hash_.update(name).update_u64(static_cast<uint64_t>(count));
    if (!options_.folder.empty() && not_kept_.empty())
      try_to_write([&] {
        writers_.push_back(std::make_unique<SampleFileWriter>(options_.folder / name));
        if (!keep_data_) writers_.back()->drop_data();
      });
    const BatchReader reader(dataset_, split, keep_data_);
    base::InOrder<Batch> batches(
        [&](int64_t k, Batch& batch) { reader.read(k * batch_size_, std::min(batch_size_, count - k * batch_size_), batch); },
        [&](Batch& batch) { take(batch, reader); });
    batches.run((count + batch_size_ - 1) / batch_size_, std::min(usable_cores(), kMostThreads),
                [&](int64_t taken) { options_.progress("samples", done_ + std::min(taken * batch_size_, count), total_); });
    done_ += count;
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

  void take(Batch& batch, const BatchReader& reader) {
    int64_t index = batch.first;
    for (ReadSample& sample : batch.samples) {
      const Ids ids = reader.ids(index);
      note(sample, ids);
      if (!writers_.empty() && sample.state != State::kUnreadable) try_to_write([&] { keep(batch, sample, index, ids, reader); });
      ++index;
    }
    if (!writers_.empty()) try_to_write([&] { writers_.back()->flush(); });
  }

  void note(const ReadSample& sample, const Ids& ids) {
    if (sample.state == State::kUnreadable) unreadable_.add(sample.problem);
    if (!sample.problem.empty()) bad_.add(sample.problem);
    if (sample.state == State::kUnreadable) return;
    hash_.update_u64(static_cast<uint64_t>(ids.label)).update_u64(static_cast<uint64_t>(ids.domain));
    hash_.update(std::span<const uint8_t>(sample.digest));
  }

  void keep(const Batch& batch, ReadSample& sample, int64_t index, const Ids& ids, const BatchReader& reader) {
    SampleFileWriter& writer = *writers_.back();
    const bool put_off = sample.state == State::kPutOff && keep_data_;
    const auto bytes = put_off ? reader.decode_put_off(sample, index, alone_) : batch.kept(sample);
    if (put_off && !sample.problem.empty()) bad_.add(sample.problem);
    writer.enter(bytes, sample.record, ids.label, ids.domain, sample.name);
    if (put_off) writer.flush();
    if (keep_data_ && size() > static_cast<uint64_t>(options_.store_limit)) {
      keep_data_ = false;
      for (const auto& one : writers_) one->drop_data();
    }
  }

  uint64_t size() const {
    uint64_t size = 0;
    for (const auto& writer : writers_) size += writer->size();
    return size;
  }

  const Dataset& dataset_;
  const FirstPass& options_;
  int64_t batch_size_ = 0, total_ = 0, done_ = 0;
  std::atomic<bool> keep_data_{false};  // decoded; read by the workers
  base::Sha256 hash_;
  BadSamples unreadable_, bad_;  // bad: unreadable or undecodable
  std::string not_kept_;
  std::vector<std::unique_ptr<SampleFileWriter>> writers_;
  Pixels alone_;  // of a sample that was put off
};

}  // namespace

Read read_all(const Dataset& dataset, const FirstPass& pass) { return Pass(dataset, pass).read(); }

}  // namespace clb::data
