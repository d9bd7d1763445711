#include <algorithm>
#include <array>
#include <clb/base/clip_weights.hpp>
#include <clb/base/error.hpp>
#include <clb/base/network_format.hpp>

namespace clb::base {
namespace {

using Tensors = NetworkFormat::Tensors;

NetworkShape timm_vit(const Tensors& tensors, const NetworkHints& hints, const std::string& name) {
  const VitShape shape = vit_shape(tensors, hints.heads, name);
  return {.format = "timm_vit", .image = shape, .kinds = {{"cls", shape.dim}}, .text = {}};
}

NetworkShape clip(const Tensors& tensors, const NetworkHints& hints, const std::string& name) {
  const ClipShape shape = clip_shape(tensors, hints.heads, hints.text_heads, name);
  return {.format = "",
          .image = shape.image,
          .kinds = {{"image", shape.features}, {"cls", shape.image.dim}},
          .text = {.context = shape.context, .vocabulary = shape.vocabulary, .width = shape.features}};
}

// The two have the same names and differ in the activation. OpenAI's archives alone say what size of images they are for.
bool openclip_names(const Tensors& tensors) { return looks_like_clip(tensors) && !tensors.contains("input_resolution"); }
bool no_clip(const Tensors& tensors) { return !looks_like_clip(tensors); }

constexpr std::array kFormats{
    NetworkFormat{"timm_vit", "a ViT with timm's names", false, no_clip, timm_vit},
    NetworkFormat{"openclip", "a CLIP with exact GELU, as OpenCLIP's of LAION", true, openclip_names, clip},
    NetworkFormat{"openai_clip", "a CLIP with QuickGELU, as OpenAI's", true, looks_like_clip, clip},
};

std::string all_names(const char* between) {
  std::string text;
  for (const NetworkFormat& format : kFormats) text += (text.empty() ? "" : between) + std::string(format.name);
  return text;
}

const NetworkFormat& format_of(const SafetensorsHeader& header, const std::string& said, const std::string& name) {
  if (!said.empty()) {
    if (const NetworkFormat* format = find_network_format(said)) return *format;
    throw Error(name + ": no format \"" + said + "\" is known; expected one of " + all_names(", "));
  }
  const auto in_file = header.metadata.find("format");  // Hugging Face's says "pt" there
  if (in_file != header.metadata.end()) {
    if (const NetworkFormat* format = find_network_format(in_file->second)) return *format;
  }
  const NetworkFormat* found = nullptr;
  for (const NetworkFormat& format : kFormats) {
    if (!format.recognises(header.tensors)) continue;
    if (found)
      throw Error(name + ": its names are those of several formats; say with format = \"" + found->name + "\" or \"" + format.name +
                  "\" whether it is " + found->what + ", or " + format.what);
    found = &format;
  }
  return found ? *found : kFormats[0];
}

}  // namespace

std::span<const NetworkFormat> network_formats() { return kFormats; }

const NetworkFormat* find_network_format(const std::string& name) {
  const auto found = std::find_if(kFormats.begin(), kFormats.end(), [&](const NetworkFormat& format) { return name == format.name; });
  return found == kFormats.end() ? nullptr : &*found;
}

bool has_text_tower(const std::string& format) {
  const NetworkFormat* found = find_network_format(format);
  return found && found->text;
}

NetworkShape network_shape(const SafetensorsHeader& header, const NetworkHints& hints, const std::string& name) {
  const NetworkFormat& format = format_of(header, hints.format, name);
  NetworkShape shape = format.shape(header.tensors, hints, name);
  shape.format = format.name;
  return shape;
}

}  // namespace clb::base
