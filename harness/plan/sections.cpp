#include "sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/precision.hpp>
#include <clb/base/there.hpp>
#include <clb/known_data/match.hpp>
#include <clb/known_data/search.hpp>
#include <clb/plan/sequence.hpp>

#include "compose.hpp"
#include "files.hpp"
#include "installed.hpp"
#include "schema.hpp"
#include "toml.hpp"

namespace clb::plan {
namespace {

constexpr int64_t kMaxThreads = 4096;

using known_data::Known;

// What an experiment says of one data set, and what share/datasets knows of it.
struct Wanted {
  const Reader& reader;
  const Node& id;
  std::optional<Known> known;  // by its name; without one by its id
  std::string path;            // of its table, as --set names it
};

// `path` ends with a dot where an id selects one of several.
Wanted read_wanted(const Reader& reader, const std::string& path, const PlanOptions& options) {
  const Node& id = reader.at("id", "\"cifar100\"");
  const std::string plugin = to_string(id, reader.what("id")), name = reader.string("name", plugin);
  Wanted wanted{reader, id, known_data::find_known(options.share, name), path.ends_with(".") ? path + plugin : path};
  if (const Node* node = reader.find("name"); node && !wanted.known)
    fail(node->place, fmt::format("{}: nothing is known of \"{}\"{}", reader.what("name"), name,
                                  suggestion(name, known_data::known_names(options.share), "known data sets")));
  if (wanted.known && wanted.known->plugin != plugin)
    fail(id.place, fmt::format("{}: {} is read by the plugin {}, not {}", reader.what("id"), name, wanted.known->plugin, plugin));
  return wanted;
}

// Those that the name stands for, and over them those of the experiment.
base::Json read_params(const Wanted& wanted, const PlanOptions& options, Catalogue& catalogue) {
  Table params;
  if (wanted.known && wanted.reader.find("name")) params = wanted.known->params;
  if (const Node* own = wanted.reader.find("params")) {
    if (!own->table()) fail(own->place, fmt::format("{} must be a table, found {}", wanted.reader.what("params"), own->in_words()));
    for (const Entry& entry : own->table()->entries()) params.set(entry.key, entry.key_place, entry.value);
  }
  if (params.entries().empty()) return {};
  if (options.missing_ok && wanted.known) {  // a plugin that is not built yet is listed with the data that it would read
    const std::vector<std::string> installed = catalogue.dataset_ids();
    if (std::find(installed.begin(), installed.end(), wanted.known->plugin) == installed.end()) return {};
  }
  return installed_dataset_params(wanted.id, params, catalogue);
}

struct Location {
  std::string root;     // "": the plugin's default
  std::string missing;  // why there is nothing at `root`; a sentence
};

// The folder that the experiment names; else the one of the data set's name (without one, of its id), where it is looked for.
Location find_root(const Wanted& wanted, const std::filesystem::path& folder, const PlanOptions& options) {
  const Reader& reader = wanted.reader;
  if (const Node* node = reader.find("root")) {
    const std::filesystem::path root = resolve_path(*node, reader.what("root"), folder);
    if (base::is_there(root)) return {root.string(), ""};
    const std::string why = base::why_no_folder(root);
    return {root.string(), fmt::format("{}: no such folder {}{}; give another with --set {}.root=DIR", reader.what("root"), root.string(),
                                       why.empty() ? "" : " (" + why + ")", wanted.path)};
  }
  if (!wanted.known) return {};
  const Known& known = *wanted.known;
  const auto found = known_data::find_folder(known, options.data_folders);
  // By its id alone: what was fetched for it, else where the plugin looks.
  if (!reader.find("name")) return {found && *found != known.root ? found->string() : "", ""};
  if (found) return {found->string(), ""};
  if (known.root.empty()) return {};
  return {known.root.string(), fmt::format("{}: {} is {}; {}, or name its folder with --set {}.root=DIR", reader.name(), known.name,
                                           known_data::looked_in(known, options.data_folders), known.remedy(), wanted.path)};
}

// Behind what a plugin says of data that it cannot open.
std::string where_to_get(const Wanted& wanted, const PlanOptions& options) {
  if (!wanted.known || wanted.reader.find("root")) return "";
  const Known& known = *wanted.known;
  const std::string looked =
      wanted.reader.find("name") ? fmt::format("; {} is {}", known.name, known_data::looked_in(known, options.data_folders)) : "";
  return fmt::format("{}; {}: {}", looked, known.remedy(), known.get);
}

// What people call the classes, where the dataset itself does not say.
void take_text(const Known& known, base::DatasetInfo& info) {
  if (info.readable_names.empty()) info.readable_names = known.names;
  if (info.templates.empty()) info.templates = known.templates;
}

base::DatasetInfo opened(const Wanted& wanted, const std::string& root, const base::Json& params, const std::string& remedy,
                         Catalogue& catalogue, Plan& plan) {
  base::DatasetInfo info = installed_dataset(wanted.id, root, params, catalogue, remedy);
  if (!info.notes.empty())
    plan.notes.push_back(fmt::format("{} in {}: {}", wanted.known ? wanted.known->name : info.id, info.root, fmt::join(info.notes, "; ")));
  if (!wanted.known) return info;
  take_text(*wanted.known, info);
  add_orders(*wanted.known, info);
  if (wanted.reader.find("name"))  // unnamed files may well be the user's own selection
    if (const std::string sentence = difference(*wanted.known, info, params); !sentence.empty()) plan.warnings.push_back(sentence);
  return info;
}

// What is not there: files of the split, which somebody can get; or all, in an empty folder or where nobody said in which folder it is.
// Data that are there and cannot be read are damaged, and no plan is made over that.
bool is_missing(const Wanted& wanted, const std::string& root, const base::Json& params) {
  return root.empty() || !known_data::holds_data(root) || !absent_files(*wanted.known, root, split_in(*wanted.known, params)).empty();
}

// The dataset as its files say; where they are not there and may be, as share/datasets says.
base::DatasetInfo find_dataset(const Wanted& wanted, const base::Json& params, const std::filesystem::path& folder,
                               const PlanOptions& options, Catalogue& catalogue, Plan& plan) {
  const bool may_lack = options.missing_ok && wanted.known;
  auto [root, missing] = find_root(wanted, folder, options);
  if (!missing.empty() && !may_lack) {
    const Node* own = wanted.reader.find("root");
    fail(own ? own->place : wanted.reader.find("name")->place, own ? missing : fmt::format("{} ({})", missing, wanted.known->get));
  }
  if (missing.empty()) {
    const bool lacks = may_lack && is_missing(wanted, root, params);
    try {
      return opened(wanted, root, params, lacks || !root.empty() ? "" : where_to_get(wanted, options), catalogue, plan);
    } catch (const base::Error& error) {
      if (!lacks || error.exit() != base::Exit::kUserMistake) throw;
      missing = error.what();
      if (!wanted.reader.find("root")) missing += "; " + wanted.known->remedy();
    }
  }
  plan.missing.push_back(fmt::format("{}: {} ({})", wanted.known->name, missing, wanted.known->get));
  return planned_info(*wanted.known, root, params);
}

// `counts`: samples per class of the split; empty when the plugin does not tell.
int64_t read_subset(const Reader& reader, const std::string& key, const std::vector<int64_t>& counts, const base::DatasetInfo& info) {
  const int64_t k = reader.integer(key, 0, 1, kMaxInt);
  for (size_t c = 0; c < counts.size(); ++c) {
    if (k <= counts[c]) continue;
    const std::string name = c < info.class_names.size() ? fmt::format(" ({})", info.class_names[c]) : "";
    fail(reader.find(key)->place,
         fmt::format("{} = {}, but class {}{} of {} has only {} samples in that split", reader.what(key), k, c, name, info.id, counts[c]));
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

DatasetEntry read_one(const Node& node, const std::string& name, const std::string& path, const std::filesystem::path& folder,
                      const PlanOptions& options, Catalogue& catalogue, Plan& plan) {
  const Reader reader(node, name);
  const Wanted wanted = read_wanted(reader, path, options);
  DatasetEntry entry;
  if (const base::Json params = read_params(wanted, options, catalogue); !params.is_null()) entry.spec.params = params;
  entry.info = find_dataset(wanted, entry.spec.params, folder, options, catalogue, plan);
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

// A subset that all data sets share is the sequence's; one that differs is each one's own.
void share_subset(base::DatasetSpec& sequence, int64_t base::DatasetSpec::*limit) {
  for (const base::DatasetSpec& part : sequence.sequence)
    if (part.*limit != sequence.sequence.front().*limit) return;
  sequence.*limit = sequence.sequence.front().*limit;
  for (base::DatasetSpec& part : sequence.sequence) part.*limit = 0;
}

std::string what_it_holds(const base::DatasetInfo& info) {
  return info.modality == "features" ? fmt::format("feature vectors of {} numbers", info.feature_dim) : "images";
}

void check_parts(const Node& node, const std::vector<base::DatasetInfo>& infos) {
  for (const base::DatasetInfo& info : infos)
    if (info.modality != infos.front().modality || info.feature_dim != infos.front().feature_dim)
      fail(node.place, fmt::format("dataset.sequence: {} holds {} and {} holds {}, which cannot be one stream", infos.front().id,
                                   what_it_holds(infos.front()), info.id, what_it_holds(info)));
}

DatasetEntry read_sequence(const Node& node, const std::filesystem::path& folder, const PlanOptions& options, Catalogue& catalogue,
                           Plan& plan) {
  const Node& sequence = *node.table()->find("sequence");
  for (const char* key : {"id", "name", "root"})
    if (const Node* own = node.table()->find(key))
      fail(own->place, fmt::format("dataset.{} beside dataset.sequence: each data set of the sequence has its own", key));
  if (!sequence.list() || sequence.list()->size() < 2)
    fail(sequence.place,
         "dataset.sequence must be a list of at least two data sets, for example [\"cifar100\", { id = \"image_folder\", root = \"birds\" "
         "}]");
  DatasetEntry entry;
  std::vector<base::DatasetInfo> infos;
  for (const Node& element : *sequence.list()) {
    Node part = named_dataset(element, "each of dataset.sequence", options.share);
    for (const char* key : {"train_per_class", "test_per_class"})  // said of all of them
      if (const Node* all = node.table()->find(key); all && !part.table()->find(key))
        std::get<Table>(part.value).set(key, all->place, *all);
    DatasetEntry read = read_one(part, "dataset", "dataset.sequence.", folder, options, catalogue, plan);
    entry.spec.sequence.push_back(std::move(read.spec));
    infos.push_back(std::move(read.info));
  }
  check_parts(sequence, infos);
  share_subset(entry.spec, &base::DatasetSpec::train_per_class);
  share_subset(entry.spec, &base::DatasetSpec::test_per_class);
  entry.info = sequence_info(entry.spec.sequence, infos);
  entry.spec.id = entry.info.id;
  entry.spec.fingerprint = entry.info.fingerprint;
  entry.spec.modality = entry.info.modality;
  entry.spec.class_count = entry.info.class_count;
  entry.spec.feature_dim = entry.info.feature_dim;
  return entry;
}

DatasetEntry read_dataset(const Node& node, bool several, const std::filesystem::path& folder, const PlanOptions& options,
                          Catalogue& catalogue, Plan& plan) {
  if (node.table()->find("sequence")) return read_sequence(node, folder, options, catalogue, plan);
  return read_one(node, "dataset", several ? "dataset." : "dataset", folder, options, catalogue, plan);
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

DatasetEntry read_named_dataset(const Node& node, const std::string& name, const std::filesystem::path& experiment_folder,
                                const PlanOptions& options, Catalogue& catalogue, Plan& plan) {
  return read_one(named_dataset(node, name, options.share), name, name, experiment_folder, options, catalogue, plan);
}

RunSection read_run(const Node& root, const PlanOptions& options) {
  const Node empty{root.place, Table{}};
  const Node* node = root.table()->find("run");
  const Reader reader(node ? *node : empty, "run");
  RunSection section;
  section.seeds = {0};
  if (const Node* seeds = reader.find("seed")) section.seeds = to_int_or_list(*seeds, "run.seed", 0, kMaxInt);
  base::RunSpec& spec = section.spec;
  spec.precision = reader.choice("precision", spec.precision, {"fp32", "tf32", base::kBf16, base::kBf16Weights});
  if (const Node* precision = reader.find("precision")) section.precision_place = precision->place;
  spec.device = read_device(reader);
  const bool on_processor = spec.device == "cpu" || (spec.device == "auto" && !options.has_card);
  if (spec.precision == base::kBf16 && on_processor) spec.precision = options.bf16_form;
  spec.threads = reader.integer("threads", std::max<int64_t>(1, options.cores), 1, kMaxThreads);
  spec.checkpoint = reader.choice("checkpoint", spec.checkpoint, {"every", "last", "off"});
  spec.track = reader.choice("track", spec.track, {"common", "reproduction"});
  spec.execution.loader_threads = reader.integer("loader_threads", spec.execution.loader_threads, 1, kMaxThreads);
  spec.execution.store_limit = reader.integer("store_limit", spec.execution.store_limit, 0, kMaxInt);
  spec.execution.keep_logits = reader.flag("keep_logits", spec.execution.keep_logits);
  return section;
}

}  // namespace clb::plan
