#include <algorithm>
#include <clb/base/path_text.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/base/sha256.hpp>
#include <numeric>
#include <set>
#include <utility>

#include "members.hpp"

namespace clb::base {

namespace {

constexpr int64_t kMostDomains = 1'000'000;

Json to_json(const RandomWeights& r) {
  return {{"image", r.image}, {"patch", r.patch}, {"dim", r.dim}, {"depth", r.depth}, {"heads", r.heads}, {"seed", r.seed}};
}

Json to_json(const WeightsSpec& w) {
  return {{"role", w.role},
          {"file", path_text(w.file)},
          {"sha256", w.sha256},
          {"random", to_json(w.random)},
          {"pos_antialias", w.pos_antialias},
          {"heads", w.heads}};
}

// What decides the numbers that weights give; where the file lies does not.
Json identity(const WeightsSpec& w) {
  return {{"role", w.role}, {"sha256", w.sha256}, {"pos_antialias", w.pos_antialias}, {"heads", w.heads}};
}

Json identities(const std::vector<WeightsSpec>& weights) {
  Json list = Json::array();
  for (const WeightsSpec& w : weights) list.push_back(identity(w));
  return list;
}

Json to_json(const ProtocolSpec& p) {
  return {{"kind", p.kind},
          {"split", p.split},
          {"order", p.order},
          {"order_seed", p.order_seed},
          {"class_order", p.class_order},
          {"domain_order", p.domain_order},
          {"task_sizes", p.task_sizes},
          {"stop_after", p.stop_after},
          {"joint", p.joint},
          {"eval_on", p.eval_on},
          {"eval_transform", p.eval_transform.to_json()},
          {"test_batches", p.test_batches},
          {"test_batch_size", p.test_batch_size},
          {"evaluate_on", p.evaluate_on},
          {"validation_fraction", p.validation_fraction}};
}

// "numpy(7)" -> "numpy": the argument is a seed. "pilot" is a name for numpy(1993).
std::string order_kind(const std::string& order) { return order == "pilot" ? "numpy" : order.substr(0, order.find('(')); }

RandomWeights random_from(Members m) {
  constexpr int64_t kMost = 1 << 20;
  RandomWeights r;
  r.image = m.integer("image", 1, kMost);
  r.patch = m.integer("patch", 1, kMost);
  r.dim = m.integer("dim", 1, kMost);
  r.depth = m.integer("depth", 1, kMost);
  r.heads = m.integer("heads", 1, kMost);
  r.seed = m.integer("seed", 0);
  if (r.image % r.patch != 0) m.fail("patch", "must divide image = " + std::to_string(r.image));
  if (r.dim % r.heads != 0) m.fail("heads", "must divide dim = " + std::to_string(r.dim));
  m.finish();
  return r;
}

WeightsSpec weights_from(Members m) {
  WeightsSpec w;
  w.role = m.text("role");
  w.file = m.path_of("file");
  w.sha256 = m.text("sha256");
  w.random = random_from(m.object("random"));
  w.pos_antialias = m.flag("pos_antialias");
  w.heads = m.integer("heads", 0, 1 << 20);
  m.finish();
  return w;
}

MethodSpec method_from(Members m, const std::string& where) {
  MethodSpec method;
  method.id = m.text("id");
  method.file = m.path_of("file");
  method.preset = m.text("preset");
  method.params = m.object("params").json();
  method.capabilities = m.bits("capabilities");
  method.train_transform = TransformRecipe::from_json(m.any("train_transform"), where + ": " + m.path() + ".train_transform");
  m.finish();
  return method;
}

DatasetSpec dataset_from(Members m) {
  DatasetSpec d;
  d.id = m.text("id");
  d.file = m.path_of("file");
  d.root = m.path_of("root");
  d.fingerprint = m.text("fingerprint");
  d.modality = m.choice("modality", {"images", "features"});
  d.class_count = m.integer("class_count", 1, 10'000'000);
  d.feature_dim = m.integer("feature_dim", 0, 1 << 24);
  if ((d.modality == "features") != (d.feature_dim > 0)) m.fail("feature_dim", "must be positive for features, and 0 for images");
  d.train_per_class = m.integer("train_per_class", 0);
  d.test_per_class = m.integer("test_per_class", 0);
  m.finish();
  return d;
}

void check_domains(const Members& m, const ProtocolSpec& p) {
  if (p.kind != "domain") {
    if (!p.domain_order.empty()) m.fail("domain_order", "must be empty, because protocol.kind is \"" + p.kind + "\"");
    if (p.eval_on != "seen") m.fail("eval_on", "must be \"seen\", because protocol.kind is \"" + p.kind + "\"");
    return;
  }
  if (p.domain_order.size() != p.task_sizes.size()) m.fail("domain_order", "must name one domain for each task");
  std::set<int64_t> seen;
  for (int64_t id : p.domain_order)
    if (id > kMostDomains || !seen.insert(id).second) m.fail("domain_order", "must hold distinct domains, found " + std::to_string(id));
  for (int64_t size : p.task_sizes)
    if (size != static_cast<int64_t>(p.class_order.size())) m.fail("task_sizes", "must give every task all classes of class_order");
  if (p.eval_on == "fixed" && p.evaluate_on != "test") m.fail("eval_on", "\"fixed\" evaluates the test split, not \"validation\"");
}

void check_stream(const Members& m, const ProtocolSpec& p, int64_t class_count) {
  std::vector<bool> seen(static_cast<size_t>(class_count));
  for (int64_t id : p.class_order) {
    if (id >= class_count || seen[static_cast<size_t>(id)]) {
      m.fail("class_order", "must hold distinct classes from 0 to " + std::to_string(class_count - 1) + ", found " + std::to_string(id) +
                                (id >= class_count ? "" : " twice"));
    }
    seen[static_cast<size_t>(id)] = true;
  }
  if (p.task_sizes.empty()) m.fail("task_sizes", "must not be empty");
  const auto classes = static_cast<int64_t>(p.class_order.size());
  int64_t sum = 0;  // cannot overflow: it is compared before the next size, itself at most class_count, is added
  for (int64_t size : p.task_sizes) {
    if (size > classes)
      m.fail("task_sizes", "has a task of " + std::to_string(size) + " classes, class_order has " + std::to_string(classes));
    if (p.kind == "domain") continue;  // every task carries the same classes
    sum += size;
    if (sum > classes) break;
  }
  if (p.kind != "domain" && sum != classes) {
    m.fail("task_sizes", "must add up to the " + std::to_string(classes) + " classes of class_order");
  }
  check_domains(m, p);
  if (p.stop_after > static_cast<int64_t>(p.task_sizes.size())) {
    m.fail("stop_after", "must be at most the number of tasks, " + std::to_string(p.task_sizes.size()));
  }
}

ProtocolSpec protocol_from(Members m, int64_t class_count, const std::string& where) {
  ProtocolSpec p;
  p.kind = m.choice("kind", {"class", "domain", "task"});
  p.split = m.text("split");
  p.order = m.text("order");
  p.order_seed = m.integer("order_seed", 0);
  p.class_order = m.integers("class_order", 0);
  p.domain_order = m.integers("domain_order", 0);
  p.task_sizes = m.integers("task_sizes", 1);
  p.stop_after = m.integer("stop_after", 0);
  p.joint = m.flag("joint");
  p.eval_on = m.choice("eval_on", {"seen", "all", "fixed"});
  p.eval_transform = TransformRecipe::from_json(m.any("eval_transform"), where + ": " + m.path() + ".eval_transform");
  if (p.eval_transform.random()) m.fail("eval_transform", "must not hold a random step");
  p.test_batches = m.choice("test_batches", {"shuffled", "class_sorted"});
  p.test_batch_size = m.integer("test_batch_size", 1, 1 << 24);
  p.evaluate_on = m.choice("evaluate_on", {"test", "validation"});
  p.validation_fraction = m.real("validation_fraction", 0, 1);
  check_stream(m, p, class_count);
  m.finish();
  return p;
}

ExecutionSpec execution_from(Members m) {
  ExecutionSpec e;
  e.cache_dir = m.path_of("cache_dir");
  e.run_dir = m.path_of("run_dir");
  e.loader_threads = m.integer("loader_threads", 1, 1024);
  e.store_limit = m.integer("store_limit", 0);
  e.keep_logits = m.flag("keep_logits");
  e.state_file = m.path_of("state_file");
  e.state_run = m.text("state_run");
  e.method_hash = m.text("method_hash");
  e.dataset_hash = m.text("dataset_hash");
  e.runner_hash = m.text("runner_hash");
  e.second_look = m.flag("second_look");
  m.finish();
  return e;
}

bool is_device(const std::string& device) {
  if (device == "auto" || device == "cpu" || device == "cuda") return true;
  const std::string prefix = "cuda:";
  return device.starts_with(prefix) && device.size() > prefix.size() && device.size() <= prefix.size() + 3 &&
         device.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

}  // namespace

Json RunSpec::to_json() const {
  Json weights_json = Json::array();
  for (const WeightsSpec& w : weights) weights_json.push_back(base::to_json(w));
  return {{"version", version},
          {"experiment", experiment},
          {"method",
           {{"id", method.id},
            {"file", path_text(method.file)},
            {"preset", method.preset},
            {"params", method.params.is_null() ? Json::object() : method.params},
            {"capabilities", method.capabilities},
            {"train_transform", method.train_transform.to_json()}}},
          {"dataset",
           {{"id", dataset.id},
            {"file", path_text(dataset.file)},
            {"root", path_text(dataset.root)},
            {"fingerprint", dataset.fingerprint},
            {"modality", dataset.modality},
            {"class_count", dataset.class_count},
            {"feature_dim", dataset.feature_dim},
            {"train_per_class", dataset.train_per_class},
            {"test_per_class", dataset.test_per_class}}},
          {"weights", std::move(weights_json)},
          {"protocol", base::to_json(protocol)},
          {"seed", seed},
          {"precision", precision},
          {"device", device},
          {"threads", threads},
          {"checkpoint", checkpoint},
          {"track", track},
          {"execution",
           {{"cache_dir", path_text(execution.cache_dir)},
            {"run_dir", path_text(execution.run_dir)},
            {"loader_threads", execution.loader_threads},
            {"store_limit", execution.store_limit},
            {"keep_logits", execution.keep_logits},
            {"state_file", path_text(execution.state_file)},
            {"state_run", execution.state_run},
            {"method_hash", execution.method_hash},
            {"dataset_hash", execution.dataset_hash},
            {"runner_hash", execution.runner_hash},
            {"second_look", execution.second_look}}}};
}

RunSpec RunSpec::from_json(const Json& json, const std::string& where) {
  Members m(json, where, Exit::kUserMistake);
  RunSpec spec;
  spec.version = m.integer("version", 1, 1);
  spec.experiment = m.text("experiment");
  spec.method = method_from(m.object("method"), where);
  spec.dataset = dataset_from(m.object("dataset"));
  for (Members& w : m.objects("weights")) spec.weights.push_back(weights_from(std::move(w)));
  spec.protocol = protocol_from(m.object("protocol"), spec.dataset.class_count, where);
  spec.seed = m.integer("seed", 0);
  spec.precision = m.choice("precision", {"fp32", "tf32", "bf16"});
  spec.device = m.text("device");
  if (!is_device(spec.device)) m.fail("device", "must be auto, cpu, cuda or cuda:N, found " + canonical(spec.device));
  spec.threads = m.integer("threads", 0, 4096);
  spec.checkpoint = m.choice("checkpoint", {"every", "last", "off"});
  spec.track = m.choice("track", {"common", "reproduction"});
  spec.execution = execution_from(m.object("execution"));
  m.finish();
  return spec;
}

Json RunSpec::key_json() const {
  return {
      {"version", version},
      {"method",
       {{"id", method.id},
        {"params", method.params.is_null() ? Json::object() : method.params},
        {"train_transform", method.train_transform.to_json()}}},
      {"dataset",
       {{"fingerprint", dataset.fingerprint}, {"train_per_class", dataset.train_per_class}, {"test_per_class", dataset.test_per_class}}},
      {"weights", identities(weights)},
      {"protocol", base::to_json(protocol)},
      {"seed", seed},
      {"precision", precision},
      {"device", device},
      {"threads", threads}};
}

std::string RunSpec::key() const { return hex(sha256(canonical(key_json()))); }

Json RunSpec::comparability_json() const {
  const auto tasks = static_cast<int64_t>(protocol.task_sizes.size());
  Json json{{"fingerprint", dataset.fingerprint},
            {"train_per_class", dataset.train_per_class},
            {"test_per_class", dataset.test_per_class},
            {"kind", protocol.kind},
            {"split", protocol.split},
            {"task_sizes", protocol.task_sizes},
            {"stop_after", protocol.stop_after ? protocol.stop_after : tasks},
            {"order", order_kind(protocol.order)},
            {"eval_transform", protocol.eval_transform.to_json()},
            {"test_batches", protocol.test_batches},
            {"test_batch_size", protocol.test_batch_size},
            {"evaluate_on", protocol.evaluate_on},
            {"weights", identities(weights)}};
  // A list is its own kind of order; no seed draws it.
  const bool domains = protocol.kind == "domain";
  if (order_kind(protocol.order) == "list")
    json[domains ? "domain_order" : "class_order"] = domains ? protocol.domain_order : protocol.class_order;
  if (domains) json["eval_on"] = protocol.eval_on;
  if (protocol.evaluate_on == "validation") json["validation_fraction"] = protocol.validation_fraction;
  return json;
}

}  // namespace clb::base
