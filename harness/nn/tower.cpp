#include "clb/nn/tower.hpp"

#include <clb/nn/clip.hpp>
#include <clb/nn/error.hpp>
#include <map>

namespace clb::nn {
namespace {

using torch::Tensor;
template <class T>
using Make = std::unique_ptr<T> (*)(const TensorMap& tensors, const TowerOptions& options, const std::string& name, torch::Device device,
                                    torch::ScalarType dtype);
struct Format {
  Make<Tower> image;
  Make<TextTower> text;  // nullptr: the network reads no texts
};

[[noreturn]] void no_kind(const std::string& kind, const std::string& kinds) {
  throw Error(ErrorKind::kInvalid, "this network has no features of kind \"" + kind + "\"; it has " + kinds);
}

class VitTower final : public Tower {
 public:
  explicit VitTower(Vit vit) : vit_(std::move(vit)) {}

  static std::unique_ptr<Tower> make(const TensorMap& tensors, const TowerOptions& o, const std::string& name, torch::Device device,
                                     torch::ScalarType dtype) {
    return std::make_unique<VitTower>(
        Vit(tensors, {.heads = o.heads, .image = o.image, .pos_antialias = o.pos_antialias, .grid = 0}, name).to(device, dtype));
  }

  BlocksShape shape() const override { return vit_.shape(); }
  Tensor compute(const std::string& kind, const Tensor& images) const override {
    return kind == "cls" ? vit_.cls(images) : (no_kind(kind, "\"cls\""), Tensor());
  }
  Tensor cls_of_blocks(const Tensor& images, int64_t first) const override { return vit_.cls_of_blocks(images, first); }

 private:
  Vit vit_;
};

ClipOptions clip_options(Activation activation, const TowerOptions& o) {
  return {.activation = activation,
          .image_heads = o.heads,
          .text_heads = o.text_heads,
          .image = o.image,
          .pos_antialias = o.pos_antialias,
          .grid = 0};
}

class ClipTower final : public Tower {
 public:
  explicit ClipTower(ClipImage clip) : clip_(std::move(clip)) {}

  template <Activation activation>
  static std::unique_ptr<Tower> make(const TensorMap& tensors, const TowerOptions& o, const std::string& name, torch::Device device,
                                     torch::ScalarType dtype) {
    return std::make_unique<ClipTower>(ClipImage(tensors, clip_options(activation, o), name).to(device, dtype));
  }

  BlocksShape shape() const override { return clip_.blocks_shape(); }
  Tensor compute(const std::string& kind, const Tensor& images) const override {
    if (kind == "image") return clip_(images);
    return kind == "cls" ? clip_.cls(images) : (no_kind(kind, "\"image\" and \"cls\""), Tensor());
  }
  Tensor cls_of_blocks(const Tensor& images, int64_t first) const override { return clip_.cls_of_blocks(images, first); }

 private:
  ClipImage clip_;
};

class ClipTextTower final : public TextTower {
 public:
  explicit ClipTextTower(ClipText clip) : clip_(std::move(clip)) {}

  template <Activation activation>
  static std::unique_ptr<TextTower> make(const TensorMap& tensors, const TowerOptions& o, const std::string& name, torch::Device device,
                                         torch::ScalarType dtype) {
    ClipText clip = ClipText(tensors, clip_options(activation, o), name).to(device, dtype);
    if (o.text_computed) clip.compute_in(*o.text_computed);
    return std::make_unique<ClipTextTower>(std::move(clip));
  }

  Tensor compute(const Tensor& ids) const override { return clip_(ids); }

 private:
  ClipText clip_;
};

template <Activation activation>
constexpr Format clip_format() {
  return {ClipTower::make<activation>, ClipTextTower::make<activation>};
}

const Format& format_of(const TowerOptions& options, const std::string& name) {
  static const std::map<std::string, Format> table{{"timm_vit", {VitTower::make, nullptr}},
                                                   {"openclip", clip_format<Activation::kGelu>()},
                                                   {"openai_clip", clip_format<Activation::kQuickGelu>()}};
  const auto found = table.find(options.format);
  if (found == table.end()) throw Error(ErrorKind::kInvalid, name + ": no network of format \"" + options.format + "\" can be made");
  return found->second;
}

}  // namespace

std::unique_ptr<Tower> make_tower(const TensorMap& tensors, const TowerOptions& options, const std::string& name, torch::Device device,
                                  torch::ScalarType dtype) {
  return format_of(options, name).image(tensors, options, name, device, dtype);
}

std::unique_ptr<TextTower> make_text_tower(const TensorMap& tensors, const TowerOptions& options, const std::string& name,
                                           torch::Device device, torch::ScalarType dtype) {
  const Make<TextTower> make = format_of(options, name).text;
  if (make == nullptr) throw Error(ErrorKind::kInvalid, name + ": a network of format \"" + options.format + "\" reads no texts");
  return make(tensors, options, name, device, dtype);
}

}  // namespace clb::nn
