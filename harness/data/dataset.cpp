#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/data/dataset.hpp>
#include <clb/loader/globals.hpp>
#include <clb/loader/params.hpp>
#include <clb/loader/plugin_file.hpp>

namespace clb::data {
namespace {

using loader::Globals;

const clb_host& host() {
  static const clb_host host = ErrorSink::minimal_host();
  return host;
}

std::unique_ptr<DatasetPlugin> load(const std::string& file) {
  const Globals before("loading " + file, Globals::kAnywhere);
  const auto entry = reinterpret_cast<clb_dataset_entry>(loader::load_plugin(file, "dataset", CLB_DATASET_ENTRY));
  auto plugin = std::make_unique<DatasetPlugin>(entry(), &host());
  before.expect_unchanged();
  return plugin;
}

base::DatasetInfo to_info(const std::string& file, const clb_dataset_info& raw) {
  const auto meta = base::read_plugin_meta(file);
  base::DatasetInfo info{.id = meta.id, .version = meta.version};
  info.modality = raw.modality == CLB_MODALITY_FEATURES ? "features" : "images";
  info.licence = raw.licence;
  info.citation = raw.citation;
  info.file = file;
  info.hash = loader::plugin_hash(file);
  info.root = raw.default_root != nullptr ? raw.default_root : "";
  info.class_count = raw.class_count;
  if (raw.class_names != nullptr) info.class_names.assign(raw.class_names, raw.class_names + raw.class_count);
  if (raw.domain_names != nullptr) info.domain_names.assign(raw.domain_names, raw.domain_names + raw.domain_count);
  info.height = raw.height;
  info.width = raw.width;
  info.channels = raw.channels;
  info.feature_dim = raw.feature_dim;
  for (uint32_t k = 0; k < raw.order_count; ++k) {
    const auto& order = *reinterpret_cast<const clb_order*>(reinterpret_cast<const char*>(raw.orders) + size_t{k} * raw.order_stride);
    info.orders[order.name].assign(order.ids, order.ids + raw.class_count);
  }
  for (uint32_t k = 0; k < raw.domain_order_count; ++k) {
    const auto& order =
        *reinterpret_cast<const clb_order*>(reinterpret_cast<const char*>(raw.domain_orders) + size_t{k} * raw.order_stride);
    info.domain_orders[order.name].assign(order.ids, order.ids + raw.domain_count);
  }
  info.params = loader::params_info(raw.params, raw.param_count, raw.param_stride, "dataset");
  info.splits = {"train", "test"};
  if (raw.splits != nullptr) info.splits.assign(raw.splits, raw.splits + raw.split_count);
  if (raw.readable_names != nullptr) info.readable_names.assign(raw.readable_names, raw.readable_names + raw.class_count);
  if (raw.templates != nullptr) info.templates.assign(raw.templates, raw.templates + raw.template_count);
  if (raw.notes != nullptr) info.notes.assign(raw.notes, raw.notes + raw.note_count);
  if (raw.group_names != nullptr) info.group_names.assign(raw.group_names, raw.group_names + raw.group_count);
  if (raw.class_groups != nullptr && raw.group_count > 0) info.class_groups.assign(raw.class_groups, raw.class_groups + raw.class_count);
  return info;
}

}  // namespace

base::DatasetInfo Dataset::info_of(const std::string& file) { return to_info(file, load(file)->describe()); }

Dataset::Dataset(const std::string& file, const std::string& root, const base::Json& params)
    : file_(file), root_(root), plugin_(load(file)) {
  const char* const usual = plugin_->describe().default_root;
  if (usual != nullptr && *usual == '\0' && !root_.empty())
    throw base::Error("the dataset plugin " + file + " reads no files, but is to read " + root_ + "; leave root out");
  if (root_.empty()) {
    if (usual == nullptr)
      throw base::Error(
          "the dataset plugin " + file +
          " has no default folder; name one with root = \"...\" in [dataset], --set dataset.root=DIR or, for info, --root DIR");
    root_ = usual;
  }
  files_ = base::ContentSample::of(root_);
  {
    const loader::Globals before("open of the dataset", loader::Globals::kAnywhere);
    const clb_dataset_info raw = plugin_->describe();
    base::Json values = params;
    for (const base::ParamInfo& param : loader::params_info(raw.params, raw.param_count, raw.param_stride, "dataset"))
      if (!values.contains(param.name) && param.neutral.is_null()) values[param.name] = param.default_value;
    const loader::Settings settings(raw.params, raw.param_count, raw.param_stride, values);
    plugin_->open(root_, settings.list());
    before.expect_unchanged();
  }
  const auto info = plugin_->describe();
  const bool features = info.modality == CLB_MODALITY_FEATURES;
  if (features != (info.feature_dim > 0))
    throw PluginError(
        CLB_E_INVALID,
        "the dataset in " + root_ + " holds " + (features ? "features" : "images") + " of dimension " + std::to_string(info.feature_dim),
        "", 0);
  feature_dim_ = info.feature_dim;
  for (Split split : kSplits) {
    check_ids(labels(split), info.class_count, "label");
    check_ids(domains(split), std::max<int64_t>(1, info.domain_count), "domain");
  }
}

void Dataset::check_ids(std::span<const int64_t> ids, int64_t count, const char* what) const {
  for (int64_t id : ids)
    if (id < 0 || id >= count)
      throw PluginError(
          CLB_E_INVALID,
          "the dataset in " + root_ + " has the " + what + " " + std::to_string(id) + ", wanted 0 to " + std::to_string(count - 1), "", 0);
}

base::DatasetInfo Dataset::info() const {
  auto info = to_info(file_, plugin_->describe());
  info.root = root_;
  return info;
}

std::span<const int64_t> Dataset::labels(Split split) const {
  const auto index = plugin_->index(static_cast<uint32_t>(split));
  return {index.labels, static_cast<size_t>(index.count)};
}

std::span<const int64_t> Dataset::domains(Split split) const {
  const auto index = plugin_->index(static_cast<uint32_t>(split));
  return {index.domains, index.domains != nullptr ? static_cast<size_t>(index.count) : 0};
}

DatasetPlugin::Samples Dataset::read(Split split, std::span<const int64_t> indices) const {
  const loader::Globals before("read of the dataset", loader::Globals::kThread);  // several threads read at once
  auto samples = plugin_->read(static_cast<uint32_t>(split), indices);
  before.expect_unchanged();
  for (size_t k = 0; k < samples.size(); ++k) {
    const bool vector = samples[k].format == CLB_FORMAT_F32;
    if (vector != (feature_dim_ > 0) || (vector && samples[k].size != static_cast<uint64_t>(feature_dim_) * sizeof(float)))
      throw PluginError(
          CLB_E_INVALID,
          "the dataset in " + root_ + " gave sample " + std::to_string(indices[k]) + " in another format or size than its description says",
          "", 0);
  }
  return samples;
}

}  // namespace clb::data
