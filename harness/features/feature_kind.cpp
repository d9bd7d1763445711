#include <clb/features/feature_kind.hpp>
#include <clb/sdk/error.hpp>
#include <regex>

namespace clb::features {

std::string FeatureKind::name() const {
  std::string name = role + ":" + kind;
  if (of_blocks()) name.append("@").append(std::to_string(first)).append("-").append(std::to_string(last));
  return name;
}

std::optional<FeatureKind> parse_feature_kind(const std::string& text, const std::function<int64_t(const std::string& role)>& depth) {
  static const std::regex form("([a-z][a-z0-9_]*):(?:cls@(?:last([0-9]{1,4})|([0-9]{1,4})(?:-([0-9]{1,4}))?)|([a-z][a-z0-9_]*))");
  std::smatch parts;
  if (!std::regex_match(text, parts, form)) return std::nullopt;
  FeatureKind kind{.role = parts[1]};
  if (parts[5].matched) {
    kind.kind = parts[5];
    return kind;
  }
  const int64_t blocks = depth(kind.role);
  if (parts[2].matched) {
    kind.first = blocks - std::stoll(parts[2]);
    kind.last = blocks - 1;
  } else {
    kind.first = std::stoll(parts[3]);
    kind.last = parts[4].matched ? std::stoll(parts[4]) : kind.first;
  }
  if (kind.first < 0 || kind.first > kind.last || kind.last >= blocks) {
    throw PluginError(CLB_E_INVALID, "the feature kind \"" + text + "\" names blocks that the network \"" + kind.role +
                                         "\" does not have; its blocks are 0 to " + std::to_string(blocks - 1));
  }
  return kind;
}

}  // namespace clb::features
