#include "load.hpp"

#include <clb/base/json.hpp>
#include <clb/base/sha256.hpp>
#include <clb/nn/error.hpp>

namespace clb::nn {
namespace {

ImageSize size_in(const base::Json& json) {
  if (json.is_array()) return {json.at(0).get<int64_t>(), json.at(1).get<int64_t>()};
  return json.get<int64_t>();
}

base::ImageSize in_base(ImageSize size) { return {size.height, size.width}; }

}  // namespace

base::VitShape shape_in_file(const VitShape& s) {
  return {
      .image = in_base(s.image), .patch = s.patch, .channels = s.channels, .dim = s.dim, .depth = s.depth, .heads = s.heads, .mlp = s.mlp};
}

VitShape shape_of(const base::VitShape& s) {
  return {.image = {s.image.height, s.image.width},
          .patch = s.patch,
          .channels = s.channels,
          .dim = s.dim,
          .depth = s.depth,
          .heads = s.heads,
          .mlp = s.mlp};
}

ImageSize grid_of(const base::VitShape& in_file, const VitOptions& options, const std::string& name) {
  const base::ImageSize found = in_file.grid();
  if (options.grid != ImageSize()) {
    if (options.grid.area() == found.area()) return options.grid;
    throw Error(ErrorKind::kIo, name + ": it has positions for " + std::to_string(found.area()) + " patches, not for a grid of " +
                                    base::size_text(in_base(options.grid)));
  }
  if (options.image != ImageSize()) base::check_image_size(in_file, in_base(options.image), name);
  if (found.square()) return found.height;
  if (options.image != ImageSize()) return {options.image.height / in_file.patch, options.image.width / in_file.patch};
  throw Error(ErrorKind::kIo, name + ": it has positions for " + std::to_string(found.area()) +
                                  " patches, which are no square grid; say the size of the images");
}

VitOptions vit_options(const std::string& json, const std::string& name) {
  const base::Json options = base::parse_json(json, name + ": options");
  return {.heads = options.at("heads"), .image = size_in(options.at("image_size")), .pos_antialias = options.at("pos_antialias")};
}

void fill(Module& module, const TensorMap& tensors, const NameInFile& name_in_file) {
  module.parameters([&](const std::string& name, torch::Tensor& t) {
    t = tensors.at(name_in_file(name)).detach().clone(torch::MemoryFormat::Contiguous).reshape(t.sizes());
  });
}

// Of the first 8 bytes of SHA-256(seed, name).
at::Generator generator_of(int64_t seed, const std::string& name) {
  const base::Digest digest = base::Sha256().update_u64(static_cast<uint64_t>(seed)).update(name).finish();
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= uint64_t{digest[i]} << (8 * i);
  return at::detail::createCPUGenerator(value);
}

}  // namespace clb::nn
