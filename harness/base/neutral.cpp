#include "neutral.hpp"

#include <utility>

namespace clb::base {

const std::vector<NeutralMember>& neutral_members() {
  static const std::vector<NeutralMember> members{
      // object, member, neutral value, since spec version, what it decides
      {"recipe", "resize_width", 0, 2, Decides::kTable},
      {"recipe", "crop_width", 0, 2, Decides::kTable},
      {"weights", "format", "timm_vit", 2, Decides::kRun},
      {"weights", "text_heads", 0, 2, Decides::kRun},
      {"dataset", "params", Json::object(), 2, Decides::kRun},
      {"run", "assets", Json::object(), 2, Decides::kRun},
      {"run", "text", Json::object(), 2, Decides::kRun},
      {"execution", "method_sources", Json::array(), 2, Decides::kNothing},
      {"execution", "asset_files", Json::object(), 2, Decides::kNothing},
      {"weights", "eval_transform", nullptr, 2, Decides::kTable},
      {"weights", "train_transform", nullptr, 2, Decides::kRun},
      {"execution", "asset_datasets", Json::object(), 2, Decides::kNothing},
      {"dataset", "sequence", Json::array(), 2, Decides::kNothing},  // the fingerprint says which data sets they are
      {"protocol", "domain_subset", Json::array(), 2, Decides::kTable},
      {"protocol", "eval_unseen", false, 2, Decides::kTable},
      {"weights", "vocabulary", "", 2, Decides::kRun},
      {"execution", "vocabulary_files", Json::object(), 2, Decides::kNothing},
  };
  return members;
}

const Json* neutral_of(std::string_view object, std::string_view name, const std::vector<NeutralMember>& table) {
  for (const NeutralMember& member : table)
    if (member.object == object && member.name == name) return &member.neutral;
  return nullptr;
}

Json without_neutral(std::string_view object, Json json, const std::vector<NeutralMember>& table) {
  for (const NeutralMember& member : table) {
    if (member.object != object) continue;
    const auto found = json.find(member.name);
    if (found != json.end() && *found == member.neutral) json.erase(found);
  }
  return json;
}

}  // namespace clb::base
