// Writing of a RunSpec. Every part leaves out members that have their neutral value.
#include <algorithm>
#include <clb/base/path_text.hpp>
#include <string_view>

#include "neutral.hpp"
#include "run_spec_json.hpp"

namespace clb::base {

namespace {

// The newest that a member of the spec asks for: older versions of clbench read what uses nothing newer.
int64_t version_of(const Json& spec) {
  int64_t version = 1;
  const auto look = [&](std::string_view object, const Json& json) {
    for (const NeutralMember& member : neutral_members())
      if (member.object == object && json.contains(member.name)) version = std::max(version, member.since);
  };
  look("run", spec);
  for (const char* object : {"method", "dataset", "protocol", "execution"}) look(object, spec.at(object));
  for (const Json& w : spec.at("weights")) {
    look("weights", w);
    look("random", w.at("random"));
    for (const char* recipe : {"eval_transform", "train_transform"})
      if (w.contains(recipe)) look("recipe", w.at(recipe));
  }
  for (const char* recipe : {"/method/train_transform", "/protocol/eval_transform"}) look("recipe", spec.at(Json::json_pointer(recipe)));
  return version;
}

Json paths(const std::vector<std::string>& files) {
  Json list = Json::array();
  for (const std::string& file : files) list.push_back(path_text(file));
  return list;
}

}  // namespace

Json to_json(const MethodSpec& m) {
  return without_neutral("method", {{"id", m.id},
                                    {"file", path_text(m.file)},
                                    {"preset", m.preset},
                                    {"params", m.params.is_null() ? Json::object() : m.params},
                                    {"capabilities", m.capabilities},
                                    {"train_transform", m.train_transform.to_json()}});
}

Json to_json(const DatasetSpec& d) {
  Json sequence = Json::array();
  for (const DatasetSpec& part : d.sequence) sequence.push_back(to_json(part));
  return without_neutral("dataset", {{"id", d.id},
                                     {"file", path_text(d.file)},
                                     {"root", path_text(d.root)},
                                     {"fingerprint", d.fingerprint},
                                     {"modality", d.modality},
                                     {"class_count", d.class_count},
                                     {"feature_dim", d.feature_dim},
                                     {"train_per_class", d.train_per_class},
                                     {"test_per_class", d.test_per_class},
                                     {"params", d.params},
                                     {"sequence", std::move(sequence)}});
}

Json to_json(const WeightsSpec& w) {
  return without_neutral("weights", {{"role", w.role},
                                     {"file", path_text(w.file)},
                                     {"sha256", w.sha256},
                                     {"random", w.random.to_json()},
                                     {"pos_antialias", w.pos_antialias},
                                     {"heads", w.heads},
                                     {"format", w.format},
                                     {"text_heads", w.text_heads},
                                     {"vocabulary", w.vocabulary},
                                     {"eval_transform", w.eval_transform ? w.eval_transform->to_json() : Json()},
                                     {"train_transform", w.train_transform ? w.train_transform->to_json() : Json()}});
}

Json to_json(const ProtocolSpec& p) {
  return without_neutral("protocol", {{"kind", p.kind},
                                      {"split", p.split},
                                      {"order", p.order},
                                      {"order_seed", p.order_seed},
                                      {"class_order", p.class_order},
                                      {"domain_order", p.domain_order},
                                      {"domain_subset", p.domain_subset},
                                      {"task_sizes", p.task_sizes},
                                      {"stop_after", p.stop_after},
                                      {"joint", p.joint},
                                      {"eval_on", p.eval_on},
                                      {"eval_unseen", p.eval_unseen},
                                      {"eval_transform", p.eval_transform.to_json()},
                                      {"test_batches", p.test_batches},
                                      {"test_batch_size", p.test_batch_size},
                                      {"evaluate_on", p.evaluate_on},
                                      {"validation_fraction", p.validation_fraction}});
}

Json to_json(const ExecutionSpec& e) {
  const auto by_name = [](const std::map<std::string, std::string>& files) {
    Json object = Json::object();
    for (const auto& [name, file] : files) object[name] = path_text(file);
    return object;
  };
  Json datasets = Json::object();
  for (const auto& [name, dataset] : e.asset_datasets) datasets[name] = to_json(dataset);
  return without_neutral("execution", {{"cache_dir", path_text(e.cache_dir)},
                                       {"run_dir", path_text(e.run_dir)},
                                       {"loader_threads", e.loader_threads},
                                       {"store_limit", e.store_limit},
                                       {"keep_logits", e.keep_logits},
                                       {"state_file", path_text(e.state_file)},
                                       {"state_run", e.state_run},
                                       {"method_hash", e.method_hash},
                                       {"dataset_hash", e.dataset_hash},
                                       {"runner_hash", e.runner_hash},
                                       {"second_look", e.second_look},
                                       {"method_sources", paths(e.method_sources)},
                                       {"asset_files", by_name(e.asset_files)},
                                       {"asset_datasets", std::move(datasets)},
                                       {"vocabulary_files", by_name(e.vocabulary_files)}});
}

Json to_json(const TextSpec& t) {
  if (t.names.empty()) return Json::object();
  return {{"names", t.names}, {"templates", t.templates}};
}

Json own_members(const RunSpec& spec) {
  return without_neutral("run", {{"experiment", spec.experiment},
                                 {"seed", spec.seed},
                                 {"precision", spec.precision},
                                 {"device", spec.device},
                                 {"threads", spec.threads},
                                 {"checkpoint", spec.checkpoint},
                                 {"track", spec.track},
                                 {"assets", spec.assets},
                                 {"text", to_json(spec.text)}});
}

Json RandomWeights::to_json() const {
  return without_neutral("random", {{"image", image}, {"patch", patch}, {"dim", dim}, {"depth", depth}, {"heads", heads}, {"seed", seed}});
}

Json RunSpec::to_json() const {
  Json json = own_members(*this);
  json["method"] = base::to_json(method);
  json["dataset"] = base::to_json(dataset);
  json["weights"] = Json::array();
  for (const WeightsSpec& w : weights) json["weights"].push_back(base::to_json(w));
  json["protocol"] = base::to_json(protocol);
  json["execution"] = base::to_json(execution);
  json["version"] = key_form == 0 ? 0 : version_of(json);
  return json;
}

}  // namespace clb::base
