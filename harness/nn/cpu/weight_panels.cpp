#include "weight_panels.hpp"

#include <array>
#include <map>
#include <mutex>

#include "panels.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

constexpr size_t kSampled = 16;
using Sample = std::array<float, kSampled>;

Sample sample_of(const Tensor& weight) {
  Sample sample;
  const float* data = weight.const_data_ptr<float>();
  for (size_t i = 0; i < kSampled; ++i) sample[i] = data[static_cast<size_t>(weight.numel() - 1) * i / (kSampled - 1)];
  return sample;
}

// Which numbers of which storage, so that each view of them finds the same.
using Key = std::tuple<const c10::StorageImpl*, int64_t, int64_t, int64_t>;

Key key_of(const Tensor& weight) {
  return {weight.storage().unsafeGetStorageImpl(), weight.storage_offset(), weight.size(0), weight.size(1)};
}

struct Entry {
  c10::weak_intrusive_ptr<c10::StorageImpl> storage;  // while it is held, no other storage has the same address
  uint64_t version;
  Sample sample;
  Tensor ahead, back;

  bool is_of(const Tensor& weight) const {
    const Sample now = sample_of(weight);
    return version == version_of(weight) && std::memcmp(now.data(), sample.data(), sizeof now) == 0;
  }
  static uint64_t version_of(const Tensor& weight) { return weight.is_inference() ? 0 : static_cast<uint64_t>(weight._version()); }
};

class Known {
 public:
  Tensor get(const Tensor& weight, Tensor Entry::*which, const Matrix& b, int64_t depth, int64_t columns) {
    const std::scoped_lock lock(mutex_);
    Tensor& panels = entry(weight).*which;
    if (!panels.defined()) {
      const c10::InferenceMode normal(false);
      panels = at::empty({weight.numel()}, torch::kFloat32);
      to_panels(b, depth, columns, panels.mutable_data_ptr<float>());
    }
    return panels;
  }

 private:
  Entry& entry(const Tensor& weight) {
    const Key key = key_of(weight);
    const auto found = entries_.find(key);
    if (found != entries_.end() && found->second.is_of(weight)) return found->second;
    std::erase_if(entries_, [&](const auto& e) { return e.first == key || e.second.storage.expired(); });
    return entries_.emplace(key, Entry{weight.storage().getWeakStorageImpl(), Entry::version_of(weight), sample_of(weight), {}, {}})
        .first->second;
  }

  std::mutex mutex_;
  std::map<Key, Entry> entries_;
};

Known& known() {
  static Known all;
  return all;
}

}  // namespace

Tensor ahead_panels(const Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  return known().get(weight, &Entry::ahead, {weight.const_data_ptr<float>(), 1, in}, in, out);
}

Tensor back_panels(const Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  return known().get(weight, &Entry::back, {weight.const_data_ptr<float>(), in, 1}, out, in);
}

}  // namespace clb::nn
