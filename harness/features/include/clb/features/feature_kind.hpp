// The kinds of features that the host computes by itself, by name: "role:kind", of the kinds that the role's network has (clb/nn/tower.hpp):
// "main:cls" is the class token after the final norm, "clip:image" what a CLIP makes of it. "role:cls@6-11" are the class tokens that blocks
// 6 to 11 put out, before the final norm, side by side; "role:cls@last6" counts them from the end.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace clb::features {

struct FeatureKind {
  std::string role, kind = "cls";
  int64_t first = -1, last = -1;  // blocks; -1: what the whole network gives

  bool of_blocks() const { return first >= 0; }
  int64_t count() const { return of_blocks() ? last - first + 1 : 1; }  // class tokens per sample
  std::string name() const;                                             // "role:kind" or "role:cls@6-11"
};

// Nothing: not a name of this form, so it may be one of the method's own. PluginError CLB_E_INVALID: of this form, but the network does not
// have these blocks. depth: blocks of a role's network.
std::optional<FeatureKind> parse_feature_kind(const std::string& text, const std::function<int64_t(const std::string& role)>& depth);

}  // namespace clb::features
