// Reading of a RunSpec: every member is checked.
#include <algorithm>
#include <clb/base/path_text.hpp>
#include <clb/base/precision.hpp>
#include <clb/base/run_spec.hpp>
#include <set>
#include <utility>

#include "members.hpp"
#include "neutral.hpp"

namespace clb::base {

namespace {

constexpr int64_t kMostDomains = 1'000'000;

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

WeightsSpec weights_from(Members m, const std::string& where) {
  WeightsSpec w;
  w.role = m.text("role");
  w.file = m.path_of("file");
  w.sha256 = m.text("sha256");
  w.random = random_from(m.object("random", "random"));
  w.pos_antialias = m.flag("pos_antialias");
  w.heads = m.integer("heads", 0, 1 << 20);
  w.format = m.text("format");
  w.text_heads = m.integer("text_heads", 0, 1 << 20);
  w.vocabulary = m.text("vocabulary");
  const auto recipe = [&](const char* name) -> std::optional<TransformRecipe> {
    const Json& json = m.any(name);
    if (json.is_null()) return std::nullopt;
    return TransformRecipe::from_json(json, where + ": " + m.path() + "." + name);
  };
  w.eval_transform = recipe("eval_transform");
  w.train_transform = recipe("train_transform");
  if (w.eval_transform && w.eval_transform->random()) m.fail("eval_transform", "must not hold a random step");
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

void check_sequence(const Members& m, const DatasetSpec& d) {
  if (d.sequence.empty()) return;
  int64_t classes = 0;
  for (const DatasetSpec& part : d.sequence) {
    if (!part.sequence.empty()) m.fail("sequence", "must not hold another sequence");
    if (part.modality != d.modality || part.feature_dim != d.feature_dim) m.fail("sequence", "must hold data of one kind");
    classes += part.class_count;  // of each at most 10 million
  }
  if (classes != d.class_count) m.fail("class_count", "must be the sum of the sequence's, " + std::to_string(classes));
  if (!d.file.empty() || !d.root.empty()) m.fail("sequence", "has data sets, so file and root must be empty");
  if (d.fingerprint != sequence_fingerprint(d.sequence)) m.fail("fingerprint", "is not that of the sequence");
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
  d.params = m.object("params").json();
  for (Members& part : m.objects("sequence", "dataset")) d.sequence.push_back(dataset_from(std::move(part)));
  check_sequence(m, d);
  m.finish();
  return d;
}

void check_domains(const Members& m, const ProtocolSpec& p) {
  if (p.kind != "domain") {
    if (!p.domain_subset.empty()) m.fail("domain_subset", "must be empty, because protocol.kind is \"" + p.kind + "\"");
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
  if (!p.domain_subset.empty() && p.domain_subset != std::vector<int64_t>(seen.begin(), seen.end()))
    m.fail("domain_subset", "must be the domains of domain_order, ascending");
  if (p.eval_unseen) m.fail("eval_unseen", "must be false, because protocol.kind is \"domain\"");
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
  p.domain_subset = m.integers("domain_subset", 0);
  p.task_sizes = m.integers("task_sizes", 1);
  p.stop_after = m.integer("stop_after", 0);
  p.joint = m.flag("joint");
  p.eval_on = m.choice("eval_on", {"seen", "all", "fixed"});
  p.eval_unseen = m.flag("eval_unseen");
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

TextSpec text_from(Members m) {
  TextSpec text;
  if (m.json().empty()) return text;
  text.names = m.texts("names");
  text.templates = m.texts("templates");
  if (text.templates.empty()) m.fail("templates", "must not be empty");
  m.finish();
  return text;
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
  for (const std::string& file : m.texts("method_sources")) e.method_sources.push_back(path_bytes(file));
  Members files = m.object("asset_files");
  for (const auto& [name, file] : files.json().items()) e.asset_files[name] = files.path_of(name.c_str());
  Members datasets = m.object("asset_datasets");
  for (const auto& [name, dataset] : datasets.json().items())
    e.asset_datasets[name] = dataset_from(datasets.object(name.c_str(), "dataset"));
  Members vocabularies = m.object("vocabulary_files");
  for (const auto& [role, file] : vocabularies.json().items()) e.vocabulary_files[role] = vocabularies.path_of(role.c_str());
  m.finish();
  return e;
}

int64_t version_from(Members& m) {
  int64_t newest = 1;
  for (const NeutralMember& member : neutral_members()) newest = std::max(newest, member.since);
  const int64_t version = m.integer("version", 0);
  if (version > newest)
    m.fail("version", "is " + std::to_string(version) + ", of a newer clbench (this one reads up to " + std::to_string(newest) +
                          "); use the version of clbench that wrote it");
  return version;
}

bool is_device(const std::string& device) {
  if (device == "auto" || device == "cpu" || device == "cuda") return true;
  const std::string prefix = "cuda:";
  return device.starts_with(prefix) && device.size() > prefix.size() && device.size() <= prefix.size() + 3 &&
         device.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

}  // namespace

RunSpec RunSpec::from_json(const Json& json, const std::string& where) {
  const Json lifted = upgrade(json);
  Members m(lifted, where, Exit::kUserMistake, "", "run");
  RunSpec spec;
  spec.key_form = version_from(m) == 0 ? 0 : 1;
  spec.experiment = m.text("experiment");
  spec.method = method_from(m.object("method", "method"), where);
  spec.dataset = dataset_from(m.object("dataset", "dataset"));
  for (Members& w : m.objects("weights", "weights")) spec.weights.push_back(weights_from(std::move(w), where));
  spec.protocol = protocol_from(m.object("protocol", "protocol"), spec.dataset.class_count, where);
  spec.seed = m.integer("seed", 0);
  spec.precision = m.choice("precision", {"fp32", "tf32", kBf16, kBf16Weights});
  spec.device = m.text("device");
  if (!is_device(spec.device)) m.fail("device", "must be auto, cpu, cuda or cuda:N, found " + canonical(spec.device));
  spec.threads = m.integer("threads", 0, 4096);
  spec.checkpoint = m.choice("checkpoint", {"every", "last", "off"});
  spec.track = m.choice("track", {"common", "reproduction"});
  Members assets = m.object("assets");
  for (const auto& [name, digest] : assets.json().items()) spec.assets[name] = assets.text(name.c_str());
  spec.text = text_from(m.object("text"));
  spec.execution = execution_from(m.object("execution", "execution"));
  m.finish();
  return spec;
}

}  // namespace clb::base
