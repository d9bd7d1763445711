#include "sections.hpp"

#include <fmt/format.h>

#include <clb/base/error.hpp>

#include "files.hpp"
#include "installed.hpp"
#include "known_dataset.hpp"
#include "schema.hpp"
#include "toml.hpp"

namespace clb::plan {
namespace {

constexpr int64_t kMaxThreads = 4096;

// The folder that the experiment names, "" for the plugin's default. Error when it is not there; where that is fine, `missing` gets the
// sentence.
std::string read_root(const Reader& reader, bool several, const std::string& id, const std::filesystem::path& folder,
                      std::string* missing) {
  const Node* node = reader.find("root");
  if (!node) return "";
  const std::filesystem::path root = resolve_path(*node, "dataset.root", folder);
  if (is_there(root)) return root.string();
  const std::string sentence =
      fmt::format("dataset.root: no such folder {}; give another with --set dataset.{}root=DIR", root.string(), several ? id + "." : "");
  if (!missing) fail(node->place, sentence);
  *missing = sentence;
  return root.string();
}

// What people call the classes, where the dataset itself does not say.
void take_text(const KnownDataset& known, base::DatasetInfo& info) {
  if (info.readable_names.empty()) info.readable_names = known.names;
  if (info.templates.empty()) info.templates = known.templates;
}

// The dataset as its files say; where they are not there and may be, as share/datasets says.
base::DatasetInfo find_dataset(const Reader& reader, bool several, const base::Json& params, const std::filesystem::path& folder,
                               const PlanOptions& options, Catalogue& catalogue, Plan& plan) {
  const Node& id = reader.at("id", "\"cifar100\"");
  const std::string plugin = to_string(id, "dataset.id"), name = reader.string("name", plugin);
  const auto known = known_dataset(options.share, name);
  if (const Node* node = reader.find("name"); node && !known)
    fail(node->place, fmt::format("dataset.name: nothing is known of \"{}\"{}", name,
                                  suggestion(name, toml_stems(options.share / "datasets"), "known data sets")));
  if (known && known->plugin != plugin)
    fail(id.place, fmt::format("dataset.id: {} is read by the plugin {}, not {}", name, known->plugin, plugin));
  const bool may_lack = options.missing_ok && known;
  std::string missing;
  const std::string root = read_root(reader, several, plugin, folder, may_lack ? &missing : nullptr);
  if (missing.empty()) {
    try {
      const std::string remedy = known && root.empty() && !may_lack ? "; where to get the data: " + known->get : "";
      base::DatasetInfo info = installed_dataset(id, root, params, catalogue, remedy);
      if (known) take_text(*known, info);
      if (known && reader.find("name"))  // unnamed files may well be the user's own selection
        if (const std::string sentence = difference(*known, info); !sentence.empty()) plan.warnings.push_back(sentence);
      return info;
    } catch (const base::Error& error) {
      if (!may_lack) throw;
      missing = error.what();
    }
  }
  plan.missing.push_back(fmt::format("{}: {} ({})", name, missing, known->get));
  return planned_info(*known, root);
}

// `counts`: samples per class of the split; empty when the plugin does not tell.
int64_t read_subset(const Reader& reader, const std::string& key, const std::vector<int64_t>& counts, const base::DatasetInfo& info) {
  const int64_t k = reader.integer(key, 0, 1, kMaxInt);
  for (size_t c = 0; c < counts.size(); ++c) {
    if (k <= counts[c]) continue;
    const std::string name = c < info.class_names.size() ? fmt::format(" ({})", info.class_names[c]) : "";
    fail(reader.find(key)->place,
         fmt::format("dataset.{} = {}, but class {}{} of {} has only {} samples in that split", key, k, c, name, info.id, counts[c]));
  }
  return k;
}

// Classes of which a split has no sample can be learned or tested, not both.
void warn_of_empty_classes(const base::DatasetInfo& info, Plan& plan) {
  const auto warn = [&](const std::vector<int64_t>& counts, const char* what, const char* consequence) {
    constexpr size_t kNamed = 5;
    std::vector<std::string> names;
    for (size_t c = 0; c < counts.size(); ++c)
      if (counts[c] == 0) names.push_back(c < info.class_names.size() ? info.class_names[c] : std::to_string(c));
    if (names.empty()) return;
    const size_t count = names.size();
    names.resize(std::min(count, kNamed));
    plan.warnings.push_back(fmt::format("dataset {}: {} of {} classes have no {} samples and are {}: {}{}", info.id, count, counts.size(),
                                        what, consequence, fmt::join(names, ", "), count > kNamed ? ", ..." : ""));
  };
  warn(info.train_counts, "training", "never learned");
  warn(info.test_counts, "test", "never tested");
}

DatasetEntry read_dataset(const Node& node, bool several, const std::filesystem::path& folder, const PlanOptions& options,
                          Catalogue& catalogue, Plan& plan) {
  const Reader reader(node, "dataset");
  DatasetEntry entry;
  if (const Node* params = reader.find("params")) {
    if (!params->table()) fail(params->place, fmt::format("dataset.params must be a table, found {}", params->describe()));
    entry.spec.params = installed_dataset_params(reader.at("id", "\"cifar100\""), *params->table(), catalogue);
  }
  entry.info = find_dataset(reader, several, entry.spec.params, folder, options, catalogue, plan);
  const base::DatasetInfo& info = entry.info;
  if (info.class_count < 1) fail(reader.find("id")->place, fmt::format("dataset {} has no classes", info.id));
  warn_of_empty_classes(info, plan);
  entry.spec.id = info.id;
  entry.spec.file = info.file;
  entry.spec.root = info.root;
  entry.spec.fingerprint = info.fingerprint;
  entry.spec.modality = info.modality;
  entry.spec.class_count = info.class_count;
  entry.spec.feature_dim = info.feature_dim;
  entry.spec.train_per_class = read_subset(reader, "train_per_class", info.train_counts, info);
  entry.spec.test_per_class = read_subset(reader, "test_per_class", info.test_counts, info);
  return entry;
}

// auto | cpu | cuda | cuda:N
std::string read_device(const Reader& reader) {
  const Node* node = reader.find("device");
  if (!node) return "auto";
  const std::string* text = std::get_if<std::string>(&node->value);
  const auto digits = [](std::string_view s) {
    return !s.empty() && s.size() <= 3 && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (text && text->starts_with("cuda:") && digits(std::string_view(*text).substr(5))) return *text;
  return to_choice(*node, "run.device", {"auto", "cpu", "cuda", "cuda:N"});
}

}  // namespace

std::vector<DatasetEntry> read_datasets(const Node& root, const std::filesystem::path& experiment_folder, const PlanOptions& options,
                                        Catalogue& catalogue, Plan& plan) {
  const std::vector<const Node*> nodes = one_or_several(root, "dataset");
  std::vector<DatasetEntry> entries;
  for (const Node* node : nodes) entries.push_back(read_dataset(*node, nodes.size() > 1, experiment_folder, options, catalogue, plan));
  return entries;
}

RunSection read_run(const Node& root, int64_t cores) {
  const Node empty{root.place, Table{}};
  const Node* node = root.table()->find("run");
  const Reader reader(node ? *node : empty, "run");
  RunSection section;
  section.seeds = {0};
  if (const Node* seeds = reader.find("seed")) section.seeds = to_int_or_list(*seeds, "run.seed", 0, kMaxInt);
  base::RunSpec& spec = section.spec;
  spec.precision = reader.choice("precision", spec.precision, {"fp32", "tf32", "bf16"});
  if (const Node* precision = reader.find("precision")) section.precision_place = precision->place;
  spec.device = read_device(reader);
  spec.threads = reader.integer("threads", std::max<int64_t>(1, cores), 1, kMaxThreads);
  spec.checkpoint = reader.choice("checkpoint", spec.checkpoint, {"every", "last", "off"});
  spec.track = reader.choice("track", spec.track, {"common", "reproduction"});
  spec.execution.loader_threads = reader.integer("loader_threads", spec.execution.loader_threads, 1, kMaxThreads);
  spec.execution.store_limit = reader.integer("store_limit", spec.execution.store_limit, 0, kMaxInt);
  spec.execution.keep_logits = reader.flag("keep_logits", spec.execution.keep_logits);
  return section;
}

}  // namespace clb::plan
