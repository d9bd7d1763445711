#include <clb/base/describe.hpp>
#include <clb/base/path_text.hpp>
#include <clb/base/sha256.hpp>

#include "members.hpp"

namespace clb::base {

namespace {

Json to_json(const ParamInfo& p) {
  Json implications = Json::array();
  for (const auto& [when, bits] : p.implications) implications.push_back({{"when", when}, {"implies", bits}});
  return {{"implications", std::move(implications)},
          {"group", p.group},
          {"neutral", p.neutral},
          {"name", p.name},
          {"type", p.type},
          {"help", p.help},
          {"default", p.default_value},
          {"min", p.min},
          {"max", p.max},
          {"choices", p.choices},
          {"implies", p.implies},
          {"implied_when", p.implied_when},
          {"counts", p.counts}};
}

ParamInfo param_from(Members m) {
  ParamInfo p;
  p.name = m.text("name");
  p.type = m.choice("type", {"bool", "int", "float", "string", "choice", "int_list", "float_list", "string_list"});
  p.help = m.text("help");
  p.default_value = m.any("default");
  p.min = m.real("min");
  p.max = m.real("max");
  p.choices = m.texts("choices");
  p.implies = m.bits("implies");
  p.implied_when = m.any("implied_when");
  p.counts = m.choice("counts", {"", "blocks"});
  p.neutral = m.any("neutral");
  p.group = m.text("group");
  for (Members& one : m.objects("implications")) {
    p.implications.emplace_back(one.any("when"), one.bits("implies"));
    one.finish();
  }
  m.finish();
  return p;
}

std::map<std::string, std::vector<int64_t>> orders_from(Members m) {
  std::map<std::string, std::vector<int64_t>> orders;
  for (const auto& [name, ids] : m.json().items()) orders[name] = m.integers(name.c_str(), 0);
  return orders;
}

}  // namespace

Json without_neutral(Json values, const std::vector<ParamInfo>& params) {
  for (const ParamInfo& param : params) {
    const auto found = values.find(param.name);
    if (!param.neutral.is_null() && found != values.end() && *found == param.neutral) values.erase(found);
  }
  return values;
}

uint64_t implied_capabilities(const std::vector<ParamInfo>& params, const Json& values) {
  uint64_t bits = 0;
  for (const ParamInfo& param : params) {
    const Json value = values.value(param.name, param.neutral.is_null() ? param.default_value : param.neutral);
    if (param.implies && value == param.implied_when) bits |= param.implies;
    for (const auto& [when, implies] : param.implications)
      if (value == when) bits |= implies;
  }
  return bits;
}

Json MethodInfo::to_json() const {
  Json files = Json::array();
  for (const std::string& source : sources) files.push_back(path_text(source));
  Json list = Json::array();
  for (const ParamInfo& p : params) list.push_back(base::to_json(p));
  return {{"kind", "method"},
          {"id", id},
          {"version", version},
          {"paper", paper},
          {"file", path_text(file)},
          {"hash", hash},
          {"capabilities", capabilities},
          {"state_version", state_version},
          {"params", std::move(list)},
          {"roles", roles},
          {"assets", assets},
          {"sources", std::move(files)}};
}

MethodInfo MethodInfo::from_json(const Json& json, const std::string& where) {
  Members m(json, where, Exit::kInternal);
  MethodInfo info;
  m.choice("kind", {"method"});
  info.id = m.text("id");
  info.version = m.text("version");
  info.paper = m.text("paper");
  info.file = m.path_of("file");
  info.hash = m.text("hash");
  info.capabilities = m.bits("capabilities");
  info.state_version = m.integer("state_version", 0, UINT32_MAX);
  for (Members& p : m.objects("params")) info.params.push_back(param_from(std::move(p)));
  info.assets = m.texts("assets");
  for (const std::string& source : m.texts("sources")) info.sources.push_back(path_bytes(source));
  info.roles = m.texts("roles");
  m.finish();
  return info;
}

Json DatasetInfo::to_json() const {
  Json list = Json::array(), told = Json::array();
  for (const ParamInfo& p : params) list.push_back(base::to_json(p));
  for (const std::string& note : notes) told.push_back(path_text(note));  // names of files stand in them
  return {{"kind", "dataset"},
          {"id", id},
          {"version", version},
          {"modality", modality},
          {"licence", licence},
          {"citation", citation},
          {"file", path_text(file)},
          {"hash", hash},
          {"root", path_text(root)},
          {"fingerprint", fingerprint},
          {"class_names", class_names},
          {"domain_names", domain_names},
          {"class_count", class_count},
          {"height", height},
          {"width", width},
          {"channels", channels},
          {"feature_dim", feature_dim},
          {"train_counts", train_counts},
          {"test_counts", test_counts},
          {"train_labels", train_labels},
          {"test_labels", test_labels},
          {"orders", orders},
          {"domain_orders", domain_orders},
          {"params", std::move(list)},
          {"splits", splits},
          {"readable_names", readable_names},
          {"templates", templates},
          {"group_names", group_names},
          {"class_groups", class_groups},
          {"notes", std::move(told)}};
}

DatasetInfo DatasetInfo::from_json(const Json& json, const std::string& where) {
  Members m(json, where, Exit::kInternal);
  DatasetInfo info;
  m.choice("kind", {"dataset"});
  info.id = m.text("id");
  info.version = m.text("version");
  info.modality = m.choice("modality", {"images", "features"});
  info.licence = m.text("licence");
  info.citation = m.text("citation");
  info.file = m.path_of("file");
  info.hash = m.text("hash");
  info.root = m.path_of("root");
  info.fingerprint = m.text("fingerprint");
  info.class_names = m.texts("class_names");
  info.domain_names = m.texts("domain_names");
  info.class_count = m.integer("class_count", 0);
  info.height = m.integer("height", 0);
  info.width = m.integer("width", 0);
  info.channels = m.integer("channels", 0);
  info.feature_dim = m.integer("feature_dim", 0);
  info.train_counts = m.integers("train_counts", 0);
  info.test_counts = m.integers("test_counts", 0);
  info.train_labels = m.text("train_labels");
  info.test_labels = m.text("test_labels");
  info.orders = orders_from(m.object("orders"));
  info.domain_orders = orders_from(m.object("domain_orders"));
  for (Members& p : m.objects("params")) info.params.push_back(param_from(std::move(p)));
  info.splits = m.texts("splits");
  info.readable_names = m.texts("readable_names");
  info.templates = m.texts("templates");
  info.group_names = m.texts("group_names");
  info.class_groups = m.integers("class_groups", 0);
  for (const std::string& note : m.texts("notes")) info.notes.push_back(path_bytes(note));
  m.finish();
  return info;
}

std::string labels_hash(std::span<const int64_t> labels) {
  Sha256 hash;
  for (const int64_t label : labels) hash.update_u64(static_cast<uint64_t>(label));
  return hex(hash.finish());
}

}  // namespace clb::base
