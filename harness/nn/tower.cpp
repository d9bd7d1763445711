#include "clb/nn/tower.hpp"

#include <clb/nn/clip.hpp>
#include <clb/nn/error.hpp>
#include <map>

namespace clb::nn {
namespace {

using torch::Tensor;
using Make = std::unique_ptr<Tower> (*)(const TensorMap& tensors, const TowerOptions& options, const std::string& name,
                                        torch::Device device, torch::ScalarType dtype);

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

class ClipTower final : public Tower {
 public:
  explicit ClipTower(ClipImage clip) : clip_(std::move(clip)) {}

  template <Activation activation>
  static std::unique_ptr<Tower> make(const TensorMap& tensors, const TowerOptions& o, const std::string& name, torch::Device device,
                                     torch::ScalarType dtype) {
    const ClipOptions options{.activation = activation,
                              .image_heads = o.heads,
                              .text_heads = o.text_heads,
                              .image = o.image,
                              .pos_antialias = o.pos_antialias,
                              .grid = 0};
    return std::make_unique<ClipTower>(ClipImage(tensors, options, name).to(device, dtype));
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

const std::map<std::string, Make>& formats() {
  static const std::map<std::string, Make> table{{"timm_vit", VitTower::make},
                                                 {"openclip", ClipTower::make<Activation::kGelu>},
                                                 {"openai_clip", ClipTower::make<Activation::kQuickGelu>}};
  return table;
}

}  // namespace

std::unique_ptr<Tower> make_tower(const TensorMap& tensors, const TowerOptions& options, const std::string& name, torch::Device device,
                                  torch::ScalarType dtype) {
  const auto found = formats().find(options.format);
  if (found == formats().end()) throw Error(ErrorKind::kInvalid, name + ": no network of format \"" + options.format + "\" can be made");
  return found->second(tensors, options, name, device, dtype);
}

}  // namespace clb::nn
