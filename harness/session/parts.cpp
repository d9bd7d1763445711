#include <string.h>

#include <algorithm>
#include <clb/sdk/tensor.hpp>
#include <clb/session/parts.hpp>

#include "invalid.hpp"

namespace clb::session {
namespace {

using Kind = WantedPart::Kind;

constexpr std::pair<std::string_view, Kind> kNamed[] = {{CLB_PART_IMAGES, Kind::kImages},
                                                        {CLB_PART_LABELS, Kind::kLabels},
                                                        {CLB_PART_SAMPLE_IDS, Kind::kSampleIds},
                                                        {CLB_PART_TASK_IDS, Kind::kTaskIds},
                                                        {CLB_PART_CAPTIONS, Kind::kCaptions}};

WantedPart wanted_part(std::string name) {
  constexpr std::string_view kImagesOf = "images:";
  for (const auto& [known, kind] : kNamed)
    if (name == known) return {std::move(name), kind};
  if (name.starts_with(kImagesOf)) {
    std::string role = name.substr(kImagesOf.size());
    if (role.empty()) invalid("\"images:\" needs the role of weights behind it");
    return {std::move(name), Kind::kImages, std::move(role)};
  }
  if (name.starts_with("aux:")) invalid("there is no part \"" + name + "\"; auxiliary data are " CLB_PART_CAPTIONS);
  return {std::move(name), Kind::kFeatures};
}

}  // namespace

std::vector<WantedPart> wanted_parts(const char* const* names, uint32_t count) {
  constexpr uint32_t kMost = 1000;
  constexpr size_t kLongest = 256;
  if (count > kMost || (count > 0 && names == nullptr))
    invalid(std::to_string(count) + " parts are asked for" + (names == nullptr ? ", and NULL stands in their place" : ""));
  std::vector<WantedPart> parts;
  for (uint32_t k = 0; k < count; ++k) {
    if (names[k] == nullptr || strnlen(names[k], kLongest + 1) > kLongest)
      invalid("the name of part " + std::to_string(k) + " is NULL or longer than " + std::to_string(kLongest) + " bytes");
    if (std::ranges::any_of(parts, [&](const WantedPart& part) { return part.name == names[k]; }))
      invalid("the part \"" + std::string(names[k]) + "\" is asked for twice");
    parts.push_back(wanted_part(names[k]));
  }
  return parts;
}

bool is_reserved_part(std::string_view name) {
  return std::ranges::any_of(kNamed, [&](const auto& known) { return known.first == name; });
}

std::vector<std::string> feature_kinds(const std::vector<WantedPart>& parts) {
  std::vector<std::string> kinds;
  for (const auto& part : parts)
    if (part.kind == Kind::kFeatures) kinds.push_back(part.name);
  return kinds;
}

int64_t count_of(const std::vector<WantedPart>& parts, Kind kind) {
  return std::ranges::count_if(parts, [&](const WantedPart& part) { return part.kind == kind; });
}

const torch::Tensor& HostBatch::part(std::string_view name) const {
  static const torch::Tensor none;
  const auto found = std::ranges::find_if(parts, [&](const auto& part) { return part.first == name; });
  return found == parts.end() ? none : found->second;
}

std::vector<clb_part> HostBatch::share() const {
  std::vector<clb_part> shared;
  shared.reserve(parts.size());
  for (const auto& [name, tensor] : parts) shared.push_back({sizeof(clb_part), 0, name, to_dlpack(tensor)});
  return shared;
}

}  // namespace clb::session
