// Resampling along one axis as a table of weights, and the kernels that apply it to a column or row at a time. No LibTorch.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace clb::data {

enum class Filter { kBilinear, kBicubic };
// `length` source samples that begin at `begin` are resized to `out` samples as if nothing lay around them. Of these the window is wanted;
// where it reaches beyond, the result is 0. `reversed` turns the window around.
struct AxisSpec {
  int64_t begin = 0, length = 0, out = 0;
  int64_t window_begin = 0, window = 0;
  bool reversed = false;
  auto operator<=>(const AxisSpec&) const = default;
};

// Output sample o is the sum over k < count[o] of weights[o * taps + k] * source[first[o] + k]. Pillow's weights are integers with
// kPilBits fractional bits.
template <class Weight>
struct Axis {
  int64_t taps = 0;
  std::vector<int32_t> first, count;
  std::vector<Weight> weights;

  int64_t size() const { return static_cast<int64_t>(first.size()); }
  std::pair<int64_t, int64_t> sources() const;  // half-open range of the source samples that are read; (0, 0) when there is none
};
using PilAxis = Axis<int32_t>;
using FloatAxis = Axis<float>;

inline constexpr int kPilBits = 22;

// Pillow: the support grows with the shrinking factor, cubic coefficient -0.5; computed in float64.
PilAxis pil_axis(const AxisSpec& spec, Filter filter);

// LibTorch's interpolation in float32. antialias: as Pillow. Else: 2 or 4 neighbours, cubic coefficient -0.75, edges repeated.
FloatAxis float_axis(const AxisSpec& spec, Filter filter, bool antialias);

// The axis is the slow one: fills out[o * length + i] for all i < length; sample s of the axis lies at source[(s - origin) * length].
// Pillow's results are rounded and clipped to 8 bits.
void resample(const PilAxis& axis, const uint8_t* source, int64_t origin, int64_t length, uint8_t* out);
void resample(const FloatAxis& axis, const float* source, int64_t origin, int64_t length, float* out);

// Tables are shared by all samples of the same geometry. Bounded; [any].
template <class Weight>
class AxisCache {
 public:
  template <class Make>
  std::shared_ptr<const Axis<Weight>> get(const AxisSpec& spec, Make make) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto it = axes_.find(spec); it != axes_.end()) return it->second;
    }
    auto axis = std::make_shared<const Axis<Weight>>(make(spec));
    const std::lock_guard lock(mutex_);
    if (axes_.size() >= kLimit) axes_.clear();
    axes_.emplace(spec, axis);
    return axis;
  }

 private:
  static constexpr size_t kLimit = 512;  // random boxes hardly ever repeat
  std::mutex mutex_;
  std::map<AxisSpec, std::shared_ptr<const Axis<Weight>>> axes_;
};

}  // namespace clb::data
