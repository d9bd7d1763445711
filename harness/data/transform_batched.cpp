// The implementation for a device: per sample a dense weight matrix for rows and one for columns, applied in float64. Pillow's weights and
// pixels are integers whose sums stay below 2^53, so that the result is exact in whatever order the device adds.
#include <algorithm>
#include <vector>

#include "transform_impl.hpp"

namespace clb::data {
namespace {

using torch::Tensor;

// From pinned memory, so that the copy waits for nothing that is queued on the device.
Tensor upload(const Tensor& t, torch::Device device) {
  return device.is_cuda() ? t.pin_memory().to(device, /*non_blocking=*/true) : t.to(device);
}

// The images as [n, h, 3, w] uint8 on the device, h and w the largest; what lies beyond a smaller image is read by no weight.
Tensor stack(std::span<const ImageView> images, torch::Device device) {
  const auto n = static_cast<int64_t>(images.size());
  int64_t h = 0, w = 0;
  for (const ImageView& image : images) {
    h = std::max(h, image.height);
    w = std::max(w, image.width);
  }
  Tensor batch = torch::zeros({n, h, w, 3}, torch::kUInt8);
  for (int64_t i = 0; i < n; ++i) {
    const ImageView& image = images[i];
    // from_blob asks for a mutable pointer; nothing here writes through it.
    const Tensor pixels = torch::from_blob(const_cast<uint8_t*>(image.pixels), {image.height, image.width, image.channels}, torch::kUInt8);
    batch[i].narrow(0, 0, image.height).narrow(1, 0, image.width).copy_(pixels);  // grey is repeated
  }
  return upload(batch, device).permute({0, 1, 3, 2});
}

// Weight matrices [n, out, in] float64 of the samples' axes, out the largest; [1, out, in] when all are the same.
template <class Weight>
Tensor matrices(std::vector<std::shared_ptr<const Axis<Weight>>> axes, int64_t in, torch::Device device) {
  if (std::all_of(axes.begin(), axes.end(), [&](const auto& axis) { return axis == axes[0]; })) axes.resize(1);
  const auto n = static_cast<int64_t>(axes.size());
  int64_t taps = 1, out = 0;
  for (const auto& axis : axes) {
    taps = std::max(taps, axis->taps);
    out = std::max(out, axis->size());
  }
  // Unused taps go to a column of their own, which is cut off.
  Tensor columns = torch::full({n, out, taps}, in, torch::kInt64), weights = torch::zeros({n, out, taps}, torch::kFloat64);
  auto column = columns.accessor<int64_t, 3>();
  auto weight = weights.accessor<double, 3>();
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t o = 0; o < axes[i]->size(); ++o) {
      for (int64_t k = 0; k < axes[i]->count[o]; ++k) {
        column[i][o][k] = axes[i]->first[o] + k;
        weight[i][o][k] = static_cast<double>(axes[i]->weights[o * axes[i]->taps + k]);
      }
    }
  }
  const Tensor dense = torch::zeros({n, out, in + 1}, torch::dtype(torch::kFloat64).device(device));
  return dense.scatter(2, upload(columns, device), upload(weights, device)).narrow(2, 0, in);
}

// matrices [1 or n, out, in] times x [n, in, length]
Tensor times(const Tensor& m, const Tensor& x) { return at::bmm(m.expand({x.size(0), -1, -1}), x); }

Tensor to_bytes(Tensor sums) { return sums.add_(1 << (kPilBits - 1)).mul_(1.0 / (1 << kPilBits)).floor_().clamp_(0, 255); }

// x [n, h, 3, w] float64 -> [n, rows, 3, columns]
Tensor run_stage(const Tensor& x, const Tensor& rows, const Tensor& columns, bool pil) {
  const int64_t n = x.size(0), h = x.size(1), w = x.size(3), out = columns.size(1);
  Tensor y = at::bmm(x.reshape({n, h * 3, w}), columns.transpose(1, 2).expand({n, -1, -1}));  // [n, h * 3, columns]
  if (pil) y = to_bytes(y);
  y = times(rows, y.reshape({n, h, 3 * out}));
  if (pil) y = to_bytes(y);
  return y.reshape({n, rows.size(1), 3, out});
}

Tensor grey(const Tensor& x) {  // [n, h, 3, w] float32 whole numbers -> [n, h, 1, w]
  const Tensor i = x.to(torch::kInt32);
  const Tensor sum = i.narrow(2, 0, 1) * 19595 + i.narrow(2, 1, 1) * 38470 + i.narrow(2, 2, 1) * 7471 + 32768;
  return at::bitwise_right_shift(sum, 16).to(torch::kFloat32);
}

Tensor degenerate(int64_t op, const Tensor& x) {
  if (op == 0) return torch::zeros({1, 1, 1, 1}, x.options());
  const Tensor g = grey(x);
  if (op == 2) return g;
  return g.to(torch::kFloat64).mean({1, 2, 3}, /*keepdim=*/true).add_(0.5).floor_().to(torch::kFloat32);
}

// As jitter() of jitter.hpp; the samples differ in order and factors, so every operation is computed for all and kept for some.
Tensor jitter(Tensor x, std::span<const SampleParams> params) {
  const auto n = static_cast<int64_t>(params.size());
  for (int64_t step = 0; step < 4; ++step) {
    for (int64_t op = 0; op < 3; ++op) {
      Tensor factor = torch::ones({n, 1, 1, 1});
      for (int64_t i = 0; i < n; ++i) {
        if (params[i].jitter_order[step] == op) factor[i].fill_(params[i].jitter_factor[op]);
      }
      if (factor.eq(1).all().item<bool>()) continue;
      factor = upload(factor, x.device());
      const Tensor d = degenerate(op, x);
      const Tensor blended = ((x - d) * factor + d).clamp_(0, 255).trunc_();
      x = at::where(factor.ne(1), blended, x);
    }
  }
  return x;
}

template <class T>
Tensor per_channel(const T& values, torch::Device device) {  // [3, 1] float32
  return upload(torch::tensor({values[0], values[1], values[2]}, torch::kFloat64).to(torch::kFloat32).unsqueeze(1), device);
}

}  // namespace

void Transform::apply_batched(std::span<const ImageView> images, std::span<const SampleParams> params, torch::Tensor& out) const {
  impl_->check_batch(images, params, out);
  if (images.empty()) return;
  const torch::Device device = out.device();
  std::vector<std::vector<Stage>> steps;
  for (size_t i = 0; i < images.size(); ++i) steps.push_back(stages(impl_->recipe, images[i].height, images[i].width, params[i]));

  // Division by a tensor: by a number, CUDA multiplies with a reciprocal that is not exact.
  const Tensor full = upload(torch::full({1}, 255.0F), device);
  Tensor x = stack(images, device);
  x = impl_->pil ? x.to(torch::kFloat64) : (x.to(torch::kFloat32) / full).to(torch::kFloat64);
  for (size_t s = 0; s < steps[0].size(); ++s) {
    const auto all = [&](const auto& table_of, auto which, int64_t in) {
      std::vector<decltype(table_of(steps[0][0].rows))> axes;
      for (const auto& stage : steps) axes.push_back(table_of(stage[s].*which));
      return matrices(std::move(axes), in, device);
    };
    const auto run = [&](const auto& table_of) {
      return run_stage(x, all(table_of, &Stage::rows, x.size(1)), all(table_of, &Stage::columns, x.size(3)), impl_->pil);
    };
    x = impl_->pil ? run([&](const AxisSpec& spec) { return impl_->pil_table(spec); })
                   : run([&](const AxisSpec& spec) { return impl_->float_table(spec); });
  }
  x = x.to(torch::kFloat32);
  if (impl_->pil) {
    if (impl_->jitters()) x = jitter(x, params);
    x = x / full;
  }
  x = (x - per_channel(impl_->recipe.mean, device)) / per_channel(impl_->recipe.std, device);
  out.copy_(x.permute({0, 2, 1, 3}));
}

}  // namespace clb::data
