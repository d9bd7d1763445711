// What of a RunSpec is hashed.
#include <clb/base/run_spec.hpp>
#include <clb/base/sha256.hpp>
#include <initializer_list>

#include "neutral.hpp"
#include "run_spec_json.hpp"

namespace clb::base {
namespace {

// The form of what is hashed, which is not the version of the spec: it stands in every key and stays.
constexpr int64_t kKeyVersion = 1;

// Of an object's JSON the named members, and those of the table of neutral members that decide as much.
Json chosen(std::string_view object, const Json& whole, std::initializer_list<const char*> names, Decides least) {
  Json part = Json::object();
  for (const char* name : names) part[name] = whole.at(name);
  for (const NeutralMember& member : neutral_members())
    if (member.object == object && member.decides >= least && whole.contains(member.name)) part[member.name] = whole.at(member.name);
  return part;
}

// What decides the numbers that weights give; where the file lies does not.
Json identities(const std::vector<WeightsSpec>& weights, Decides least) {
  Json list = Json::array();
  for (const WeightsSpec& w : weights) list.push_back(chosen("weights", to_json(w), {"role", "sha256", "pos_antialias", "heads"}, least));
  return list;
}

// "numpy(7)" -> "numpy": the argument is a seed. "pilot" is a name for numpy(1993), which the first form of keys took for a kind.
std::string order_kind(const std::string& order, int64_t key_form) {
  return order == "pilot" && key_form > 0 ? "numpy" : order.substr(0, order.find('('));
}

Json protocol_of_key(const RunSpec& spec) {
  Json json = to_json(spec.protocol);
  if (spec.key_form == 0)
    for (const char* later : {"domain_order", "eval_on"}) json.erase(later);
  return json;
}

}  // namespace

std::string sequence_fingerprint(const std::vector<DatasetSpec>& parts) {
  Json list = Json::array();
  for (const DatasetSpec& part : parts) list.push_back({part.fingerprint, part.train_per_class, part.test_per_class});
  return hex(sha256(canonical({{"sequence", std::move(list)}})));
}

std::string asset_fingerprint(const DatasetSpec& dataset) {
  return hex(sha256(canonical({{"dataset", {dataset.fingerprint, dataset.train_per_class}}})));
}

std::string dataset_hash(const DatasetSpec& dataset, const std::function<std::string(const std::string& file)>& hash_of) {
  if (dataset.sequence.empty()) return hash_of(dataset.file);
  std::string all;
  for (const DatasetSpec& part : dataset.sequence) all += hash_of(part.file) + "\n";
  return hex(sha256(all));
}

Json RunSpec::key_json() const {
  Json json = chosen("run", own_members(*this), {"seed", "precision", "device", "threads"}, Decides::kRun);
  json["version"] = kKeyVersion;
  json["method"] = chosen("method", base::to_json(method), {"id", "params", "train_transform"}, Decides::kRun);
  json["dataset"] = chosen("dataset", base::to_json(dataset), {"fingerprint", "train_per_class", "test_per_class"}, Decides::kRun);
  json["weights"] = identities(weights, Decides::kRun);
  json["protocol"] = protocol_of_key(*this);
  return json;
}

std::string RunSpec::key() const { return hex(sha256(canonical(key_json()))); }

Json RunSpec::comparability_json() const {
  const Json of_protocol = base::to_json(protocol);
  Json json = chosen("protocol", of_protocol,
                     {"kind", "split", "task_sizes", "eval_transform", "test_batches", "test_batch_size", "evaluate_on"}, Decides::kTable);
  json.update(chosen("dataset", base::to_json(dataset), {"fingerprint", "train_per_class", "test_per_class"}, Decides::kTable));
  json["weights"] = identities(weights, Decides::kTable);
  json["stop_after"] = protocol.stop_after ? protocol.stop_after : static_cast<int64_t>(protocol.task_sizes.size());
  const std::string kind = order_kind(protocol.order, key_form);
  json["order"] = kind;
  // A list is its own kind of order; no seed draws it.
  const bool domains = protocol.kind == "domain";
  const char* order = domains ? "domain_order" : "class_order";
  if (kind == "list") json[order] = of_protocol.at(order);
  if (domains) json["eval_on"] = protocol.eval_on;
  if (protocol.evaluate_on == "validation") json["validation_fraction"] = protocol.validation_fraction;
  return json;
}

}  // namespace clb::base
