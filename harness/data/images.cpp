#include <ATen/CPUGeneratorImpl.h>

#include <clb/base/error.hpp>
#include <clb/data/image_decode.hpp>
#include <clb/data/images.hpp>
#include <clb/sdk/error.hpp>

namespace clb::data {

void require_images(const base::RunSpec& run) {
  if (!has_images(run))
    throw PluginError(CLB_E_UNSUPPORTED,
                      "method " + run.method.id + " asks for images, but dataset " + run.dataset.id +
                          " holds feature vectors; choose a method that works on frozen features",
                      "", 0);
}

Images::Images(Samples& store, const base::TransformRecipe& recipe, torch::Device device, torch::ScalarType dtype)
    : store_(store), recipe_(recipe), transform_(recipe), device_(device), dtype_(dtype) {}

torch::Tensor Images::batch(std::span<const ImageRequest> requests) const {
  const torch::NoGradGuard no_grad;
  std::vector<SampleBytes> samples;
  std::vector<DecodedImage> decoded(requests.size());
  std::vector<ImageView> views;
  std::vector<SampleParams> params;
  for (size_t k = 0; k < requests.size(); ++k) {
    const auto& sample = samples.emplace_back(store_.read(requests[k].split, requests[k].index));
    if (sample.encoded) {
      decoded[k] = decode_image(sample.bytes, sample_name(sample.name, requests[k].index));
      views.push_back({decoded[k].pixels.data(), decoded[k].height, decoded[k].width, 3});
    } else {
      views.push_back({sample.bytes.data(), sample.height, sample.width, sample.channels});
    }
    params.push_back(drawn(requests[k], views[k]));
  }
  const auto [height, width] = transform_.output_size(views[0].height, views[0].width);
  auto out = buffer({static_cast<int64_t>(requests.size()), 3, height, width});
  transform_.apply(views, params, out);
  return out;
}

SampleParams Images::drawn(const ImageRequest& request, const ImageView& image) const try {
  if (!recipe_.random()) return {};
  auto generator = at::make_generator<at::CPUGeneratorImpl>(request.key);
  return draw(recipe_, image.height, image.width, generator);
} catch (const base::Error& e) {
  throw base::Error(store_.name_of(request.split, request.index) + ": " + e.what());
}

// A buffer is free when the pool holds the only reference to its memory: whoever got a batch may keep it.
torch::Tensor Images::buffer(at::IntArrayRef shape) const {
  const std::lock_guard lock(pool_mutex_);
  for (const auto& tensor : pool_)
    if (tensor.use_count() == 1 && tensor.storage().use_count() == 1 && tensor.sizes() == shape) return tensor.alias();
  auto made = torch::empty(shape, torch::dtype(dtype_).device(device_));
  if (pool_.size() < kPooled) pool_.push_back(made);
  return made.alias();
}

}  // namespace clb::data
