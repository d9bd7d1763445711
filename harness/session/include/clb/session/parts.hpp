// The named tensors that cross the border (clb/batch.h): what a method may ask for, and a batch before it crosses.
#pragma once

#include <clb/batch.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clb::session {

struct WantedPart {
  enum class Kind { kImages, kLabels, kSampleIds, kTaskIds, kFeatures, kCaptions };

  std::string name;
  Kind kind;
  std::string role = "";  // of "images:ROLE"; "": the images of the run
};

// What a plugin names; PluginError CLB_E_INVALID when it is no list of names, or has one twice.
std::vector<WantedPart> wanted_parts(const char* const* names, uint32_t count);

// A name that is not a method's to give to features of its own.
bool is_reserved_part(std::string_view name);

std::vector<std::string> feature_kinds(const std::vector<WantedPart>& parts);  // in their order
int64_t count_of(const std::vector<WantedPart>& parts, WantedPart::Kind kind);

struct HostBatch {
  int64_t n = 0, epoch = 0, step = 0;
  std::vector<std::pair<const char*, torch::Tensor>> parts = {};  // the names live as long as the stream or the evaluation

  const torch::Tensor& part(std::string_view name) const;  // undefined when there is none

  // Its tensors become the receiver's. What is returned must stay as long as the receiver may read it.
  std::vector<clb_part> share() const;
};

}  // namespace clb::session
