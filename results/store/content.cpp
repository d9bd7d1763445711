#include "content.hpp"

#include <clb/stream/shape.hpp>

namespace clb::store {
namespace {

using base::Json;

int64_t flag(bool value) { return value ? 1 : 0; }

int64_t dataset_id(SQLite::Database& db, const base::DatasetSpec& dataset) {
  return id_of(db, "dataset", content_key("dataset", {dataset.id, dataset.fingerprint}),
               {{"name", dataset.id}, {"fingerprint", dataset.fingerprint}, {"class_count", dataset.class_count}});
}

// The comparability of a run without its dataset and weights, and whether it is joint: seeds and what they draw are no part of a protocol.
int64_t protocol_id(SQLite::Database& db, const base::RunSpec& spec) {
  Json content = spec.comparability_json();
  content.erase("fingerprint");
  content.erase("weights");
  content["joint"] = spec.protocol.joint;
  return id_of(db, "protocol", content_key("protocol", content),
               {{"kind", spec.protocol.kind},
                {"split", spec.protocol.split},
                {"class_order", content.at("order").get<std::string>()},
                {"evaluate_on", spec.protocol.evaluate_on},
                {"test_batches", spec.protocol.test_batches},
                {"joint", flag(spec.protocol.joint)},
                {"stop_after", spec.protocol.stop_after},
                {"train_per_class", spec.dataset.train_per_class},
                {"test_per_class", spec.dataset.test_per_class},
                {"spec", base::canonical(content)}});
}

// What decides a run beside its method's own settings, and is neither data, protocol, network nor machine: assets, texts, how a role's
// images are augmented. Empty for a run that has none, whose key stays what it was.
Json beside_the_method(const base::RunSpec& spec) {
  Json beside = spec.key_json();
  const Json all = beside.at("weights");
  for (const Json& weights : all)
    if (weights.contains("train_transform"))
      beside["train_transforms"][weights.at("role").get<std::string>()] = weights.at("train_transform");
  for (const char* known : {"version", "method", "dataset", "weights", "protocol", "seed", "precision", "device", "threads"})
    beside.erase(known);
  return beside;
}

Json params_of(const base::MethodSpec& method) { return method.params.is_null() ? Json::object() : method.params; }

int64_t config_id(SQLite::Database& db, const base::RunSpec& spec) {
  const base::MethodSpec& method = spec.method;
  const Json params = params_of(method);
  const int64_t id = id_of(db, "config", config_key(spec),
                           {{"method", method.id}, {"train_transform", base::canonical(method.train_transform.to_json())}});
  for (const auto& [name, value] : params.items())
    insert(db, "parameter", {{"config_id", id}, {"name", name}, {"value", base::canonical(value)}});
  return id;
}

int64_t weights_id(SQLite::Database& db, const base::WeightsSpec& weights, const Json& json) {
  const bool from_file = !weights.file.empty();
  Json content = json;
  content.erase("role");
  content.erase("file");
  return id_of(db, "weights", content_key("weights", content),
               {{"sha256", weights.sha256},
                {"name", from_file ? fs::path(weights.file).filename().string() : std::string("random")},
                {"spec", base::canonical(content)}});
}

Json machine_class(const Machine& m) { return {m.cpu, m.cores, m.gpu}; }

}  // namespace

std::string config_key(const base::RunSpec& spec) {
  Json content = Json::array({spec.method.id, params_of(spec.method), spec.method.train_transform.to_json()});
  if (Json beside = beside_the_method(spec); !beside.empty()) content.push_back(std::move(beside));
  return content_key("config", content);
}

std::string class_key(const Machine& machine) { return content_key("machine class", machine_class(machine)); }

bool same_class(const Machine& a, const Machine& b) { return machine_class(a) == machine_class(b); }

int64_t run_id(SQLite::Database& db, const base::RunSpec& spec) {
  const std::string key = spec.key();
  const Json json = spec.to_stored();
  const base::ProtocolSpec& protocol = spec.protocol;
  const int64_t id = id_of(db, "run", key,
                           {{"comparability_key", content_key("comparability", spec.comparability_json())},
                            {"dataset_id", dataset_id(db, spec.dataset)},
                            {"protocol_id", protocol_id(db, spec)},
                            {"config_id", config_id(db, spec)},
                            {"seed", spec.seed},
                            {"order_seed", protocol.order_seed},
                            {"precision", spec.precision},
                            {"device", spec.device},
                            {"threads", spec.threads},
                            {"tasks_planned", stream::StreamShape(spec).tasks_to_run()},
                            {"experiment", spec.experiment},
                            {"preset", spec.method.preset},
                            {"track", spec.track},
                            {"capabilities", static_cast<int64_t>(spec.method.capabilities)}});
  insert(db, "run_spec", {{"run_id", id}, {"spec", base::canonical(json)}});
  for (size_t i = 0; i < spec.weights.size(); ++i)
    insert(db, "run_weights",
           {{"run_id", id}, {"role", spec.weights[i].role}, {"weights_id", weights_id(db, spec.weights[i], json.at("weights").at(i))}});
  insert(db, "run_experiment", {{"run_id", id}, {"experiment", spec.experiment}});
  return id;
}

int64_t machine_id(SQLite::Database& db, const Machine& m) {
  return id_of(db, "machine", content_key("machine", {m.cpu, m.cpu_flags, m.gpu, m.os, m.cores, m.memory_bytes}),
               {{"class_key", class_key(m)},
                {"cpu", m.cpu},
                {"cpu_flags", m.cpu_flags},
                {"gpu", m.gpu},
                {"os", m.os},
                {"cores", m.cores},
                {"memory_bytes", m.memory_bytes}});
}

int64_t build_id(SQLite::Database& db, const Build& b) {
  return id_of(db, "build", content_key("build", {b.commit, b.version, b.compiler}),
               {{"commit_hash", b.commit}, {"version", b.version}, {"compiler", b.compiler}});
}

int64_t plugin_id(SQLite::Database& db, const char* kind, const std::string& name, const std::string& version, const std::string& hash) {
  return id_of(db, "plugin", content_key("plugin", {kind, name, version, hash}),
               {{"kind", std::string(kind)}, {"name", name}, {"version", version}, {"hash", hash}});
}

}  // namespace clb::store
