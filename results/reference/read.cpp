#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/toml/reader.hpp>
#include <clb/base/toml/sentence.hpp>
#include <clb/reference/reference.hpp>
#include <set>

#include "values.hpp"

namespace clb::reference {
namespace {

namespace fs = std::filesystem;
using namespace base::toml;

constexpr int64_t kMost = 1'000'000;

double percent(const Node& node, const std::string& what) {
  const double value = to_number(node, what);
  if (value < -100 || value > 100) fail(node.place, fmt::format("{} must lie in [-100, 100] %, found {}", what, value));
  return value;
}

double points(const Node& node, const std::string& what) {
  const double value = to_number(node, what);
  if (value <= 0 || value > 100) fail(node.place, fmt::format("{} must lie in (0, 100] points, found {}", what, value));
  return value;
}

Setting read_setting(const Node& node, const std::string& name) {
  const Reader reader(node, "setting." + name);
  check_keys(reader.table(), reader.name(),
             {"data", "weights", "kind", "split", "order", "eval_transform", "precision", "test_batches", "test_batch_size", "stop_after",
              "train_per_class", "test_per_class"});
  Setting s;
  s.name = name;
  s.data = to_string(reader.at("data", "\"cifar100/official\""), reader.what("data"));
  s.weights = to_string(reader.at("weights", "\"IN21k-augreg\""), reader.what("weights"));
  s.kind = reader.choice("kind", s.kind, {"class", "domain", "task"});
  s.split = to_string(reader.at("split", "\"B0-Inc10\""), reader.what("split"));
  for (const std::string& order : strings(reader.at("order", "\"pilot\""), reader.what("order")))
    s.orders.push_back(canonical_order(order, -1));
  s.eval_transform = reader.string("eval_transform", "");
  s.precision = reader.choice("precision", s.precision, {"fp32", "tf32", "bf16", "bf16_weights"});
  s.test_batches = reader.choice("test_batches", "", {"shuffled", "class_sorted"});
  s.test_batch_size = reader.integer("test_batch_size", 0, 1, kMost);
  s.stop_after = reader.integer("stop_after", 0, 1, kMost);
  s.train_per_class = reader.integer("train_per_class", 0, 1, kMost);
  s.test_per_class = reader.integer("test_per_class", 0, 1, kMost);
  return s;
}

// What a row may say for all its cells, and a cell for itself.
const std::vector<std::string> kOfCells = {"preset", "params", "train_transform", "tolerance", "metrics", "runs", "incomparable"};

class File {
 public:
  explicit File(const fs::path& path)
      : path_(path), root_(parse_toml(base::read_file(path, kMaxBytes), path.string())), reader_(root_, "") {
    check_keys(*root_.table(), "", {"citation", "source", "sure", "implementation", "metrics", "setting", "row"});
  }

  void read(std::vector<Entry>& entries) {
    Entry shared;
    shared.file = path_.stem().string();
    shared.citation = to_string(reader_.at("citation", "\"Authors: Title. Year\""), "citation");
    shared.source = to_string(reader_.at("source", "\"survey 2024\""), "source");
    shared.sure = to_string(reader_.at("sure", "\"read directly\""), "sure");
    shared.implementation = reader_.flag("implementation", false);
    const Reader settings(reader_.at("setting", "[setting.NAME]"), "setting");
    for (const auto& setting : settings.table().entries()) settings_.push_back(read_setting(setting.value, setting.key));
    const Node& rows = reader_.at("row", "[[row]]");
    if (!rows.list()) fail(rows.place, "row must be written as [[row]]");
    for (const Node& row : *rows.list()) read_row(Reader(row, "row"), shared, entries);
  }

 private:
  void read_row(const Reader& row, Entry entry, std::vector<Entry>& entries) {
    std::vector<std::string> known = {"label", "method", "sure", "citation", "cells"};
    known.insert(known.end(), kOfCells.begin(), kOfCells.end());
    check_keys(row.table(), "row", known);
    entry.label = to_string(row.at("label", "\"SimpleCIL\""), "row.label");
    entry.method = to_string(row.at("method", "\"simplecil\""), "row.method");
    entry.sure = row.string("sure", entry.sure);
    entry.citation = row.string("citation", entry.citation);
    const Node& cells = row.at("cells", "[{ setting = \"cifar100\", values = [87.57, 81.26] }]");
    if (!cells.list() || cells.list()->empty()) fail(cells.place, "row.cells must be a list of tables, found " + cells.in_words());
    for (const Node& cell : *cells.list()) read_cell(row, Reader(cell, "cells"), entry, entries);
  }

  void read_cell(const Reader& row, const Reader& cell, Entry entry, std::vector<Entry>& entries) {
    std::vector<std::string> known = {"setting", "values"};
    known.insert(known.end(), kOfCells.begin(), kOfCells.end());
    check_keys(cell.table(), "cells", known);
    entry.place = cell.place();
    entry.setting = setting(cell.at("setting", "\"cifar100\""));
    const auto either = [&](const std::string& key) { return cell.find(key) ? cell.find(key) : row.find(key); };
    if (const Node* node = either("preset")) entry.preset = to_string(*node, "preset");
    if (const Node* node = either("train_transform")) entry.train_transform = to_string(*node, "train_transform");
    if (const Node* node = either("incomparable")) entry.incomparable = to_string(*node, "incomparable");
    if (const Node* node = either("runs")) entry.runs = to_int(*node, "runs", 1, kMost);
    for (const Node* node : {row.find("params"), cell.find("params")})
      if (node)
        for (const auto& param : Reader(*node, "params").table().entries()) entry.params.set(param.key, param.key_place, param.value);
    const Node* metrics = either("metrics") ? either("metrics") : reader_.find("metrics");
    if (!metrics) fail(cell.place(), "the metrics of the values are nowhere named; add metrics = [\"acc.last.sample\"] to the file");
    const Node* tolerance = either("tolerance");
    if (!tolerance) fail(cell.place(), "neither the cell nor its row has a tolerance; add tolerance = POINTS");
    add_values(cell, *metrics, *tolerance, entry, entries);
  }

  void add_values(const Reader& cell, const Node& metrics, const Node& tolerance, Entry& entry, std::vector<Entry>& entries) {
    const std::vector<std::string> ids = strings(metrics, "metrics");
    const Node& values = cell.at("values", "[87.57, 81.26]");
    if (!values.list() || values.list()->size() != ids.size())
      fail(values.place, fmt::format("values must be a list of {} numbers, one for each of {}", ids.size(), fmt::join(ids, ", ")));
    if (tolerance.list() && tolerance.list()->size() != ids.size())
      fail(tolerance.place, fmt::format("tolerance must be a number or a list of {} numbers", ids.size()));
    for (size_t i = 0; i < ids.size(); ++i) {
      check_metric(ids[i], metrics);
      entry.metric = ids[i];
      entry.value = percent((*values.list())[i], "each of values");
      entry.tolerance = points(tolerance.list() ? (*tolerance.list())[i] : tolerance, "tolerance");
      entries.push_back(entry);
    }
  }

  const Setting& setting(const Node& name) const {
    const std::string wanted = to_string(name, "cells.setting");
    std::vector<std::string> known;
    for (const Setting& setting : settings_) {
      if (setting.name == wanted) return setting;
      known.push_back(setting.name);
    }
    fail(name.place, fmt::format("there is no [setting.{}]{}", wanted, suggestion(wanted, known, "the settings")));
  }

  fs::path path_;
  Node root_;
  Reader reader_;
  std::vector<Setting> settings_;
};

}  // namespace

std::string canonical_order(const std::string& order, int64_t order_seed) {
  if (order == "pilot") return "numpy(1993)";
  if ((order == "numpy" || order == "python" || order == "seed") && order_seed >= 0) return fmt::format("{}({})", order, order_seed);
  return order;
}

References read_references(const fs::path& folder, const std::vector<weights::Known>& known) {
  std::error_code error;
  std::set<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".toml") files.insert(entry->path());
  if (!files.contains(folder / "aliases.toml"))
    throw base::Error(
        fmt::format("{}: there is no aliases.toml; the folder of published numbers is missing or incomplete", folder.string()));
  References references;
  references.aliases = read_aliases(folder / "aliases.toml", known);
  for (const fs::path& file : files)
    if (file.filename() != "aliases.toml" && file.filename() != "claims.toml") File(file).read(references.entries);
  return references;
}

}  // namespace clb::reference
