// Calling a dataset plugin: the host's side of clb/dataset.h. Failed calls become PluginError with the plugin's own sentence and place.
#pragma once

#include <clb/dataset.h>

#include <algorithm>
#include <clb/sdk/error.hpp>
#include <clb/sdk/error_sink.hpp>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace clb {

// The plugin's table as a full struct: members beyond its struct_size and absent optional ones are stubs, so that nothing below tests for
// NULL. A required member that is absent is a PluginError(CLB_E_INVALID).
inline clb_dataset complete_table(const clb_dataset* table) {
  if (!table) throw PluginError(CLB_E_INVALID, "the entry " CLB_DATASET_ENTRY " returned no table");
  clb_dataset full{};
  std::memcpy(&full, table, std::min<size_t>(table->struct_size, sizeof(full)));
  const std::pair<bool, const char*> required[] = {{full.describe, "describe"}, {full.open, "open"}, {full.close, "close"},
                                                   {full.index, "index"},       {full.read, "read"}, {full.release, "release"}};
  for (const auto& [there, name] : required) {
    if (!there) throw PluginError(CLB_E_INVALID, std::string("the dataset's table has no ") + name);
  }
  if (!full.verify) full.verify = [](void*) -> clb_status { return CLB_OK; };
  if (!full.get_extension) full.get_extension = [](void*, const char*) -> const void* { return nullptr; };
  full.struct_size = sizeof(full);
  return full;
}

// One dataset plugin, opened or not. describe() before open() gives what needs no files. `host` must outlive this object.
class DatasetPlugin {
 public:
  // Samples of one read. The bytes are the dataset's, borrowed until this object goes.
  class Samples {
   public:
    Samples(Samples&& other) noexcept
        : plugin_(other.plugin_), token_(std::exchange(other.token_, nullptr)), samples_(std::move(other.samples_)) {}
    Samples& operator=(Samples&&) = delete;
    ~Samples() {
      if (token_) plugin_->table_.release(plugin_->self_, token_);
    }
    size_t size() const { return samples_.size(); }
    const clb_sample& operator[](size_t i) const { return samples_[i]; }
    auto begin() const { return samples_.begin(); }
    auto end() const { return samples_.end(); }

   private:
    friend class DatasetPlugin;
    explicit Samples(const DatasetPlugin* plugin, size_t count) : plugin_(plugin), samples_(count) {}
    const DatasetPlugin* plugin_;
    void* token_ = nullptr;
    std::vector<clb_sample> samples_;
  };

  DatasetPlugin(const clb_dataset* table, const clb_host* host) : table_(complete_table(table)), host_(host) {}
  ~DatasetPlugin() {
    if (self_) table_.close(self_);
  }
  DatasetPlugin(const DatasetPlugin&) = delete;
  DatasetPlugin& operator=(const DatasetPlugin&) = delete;

  // settings: one per parameter of describe(), in its order; none: the defaults.
  void open(const std::string& root, std::vector<clb_setting> settings = {}) {
    if (settings.empty()) settings = defaults();
    clb_dataset_session session{};
    session.struct_size = sizeof session;
    session.host = host_;
    session.root = root.c_str();
    session.settings = settings.data();
    session.setting_count = static_cast<uint32_t>(settings.size());
    session.setting_stride = sizeof(clb_setting);
    check("open", [&] { return table_.open(&session, &self_); });
    if (!self_) throw PluginError(CLB_E_INTERNAL, "open of the dataset succeeded without an object");
  }

  // Checked: counts are not negative, arrays of a positive count are there; absent texts are "", an absent default_root stays NULL.
  clb_dataset_info describe() const {
    clb_dataset_info info{};
    info.struct_size = sizeof(info);
    check("describe", [&] { return table_.describe(self_, &info); });
    const bool known = info.modality == CLB_MODALITY_IMAGES || info.modality == CLB_MODALITY_FEATURES;
    const bool positive = info.class_count >= 0 && info.domain_count >= 0 && info.height >= 0 && info.width >= 0 && info.channels >= 0 &&
                          info.feature_dim >= 0;
    const auto orders_there = [&](const clb_order* orders, uint32_t count) {
      return count == 0 || (orders && info.order_stride >= offsetof(clb_order, ids) + sizeof(void*));
    };
    const bool there = (info.class_count == 0 || info.class_names) && (info.domain_count <= 1 || info.domain_names) &&
                       orders_there(info.orders, info.order_count) && orders_there(info.domain_orders, info.domain_order_count) &&
                       (info.param_count == 0 || (info.params && info.param_stride >= offsetof(clb_param, choices))) &&
                       (info.group_count <= 0 || (info.group_names && info.class_groups)) && info.group_count >= 0 &&
                       info.template_count >= 0 && (info.template_count == 0 || info.templates) && info.note_count >= 0 &&
                       (info.note_count == 0 || info.notes);
    if (!known || !positive || !there) throw PluginError(CLB_E_INVALID, "describe of the dataset gave an inconsistent answer");
    expect_names(info.class_names, info.class_names ? info.class_count : 0, "class");
    expect_names(info.domain_names, info.domain_names ? info.domain_count : 0, "domain");
    expect_names(info.readable_names, info.readable_names ? info.class_count : 0, "class, as people read it");
    expect_names(info.templates, info.template_count, "template");
    expect_names(info.group_names, info.group_count, "group of classes");
    expect_names(info.notes, info.note_count, "note");
    expect_names(info.splits, info.splits ? info.split_count : 0, "split");
    for (int64_t c = 0; info.group_count > 0 && c < info.class_count; ++c) {
      if (info.class_groups[c] < 0 || info.class_groups[c] >= info.group_count)
        throw PluginError(CLB_E_INVALID, "describe of the dataset puts class " + std::to_string(c) + " into group " +
                                             std::to_string(info.class_groups[c]) + ", which it does not have");
    }
    expect_orders(info.orders, info.order_count, info.order_stride, info.class_count);
    expect_orders(info.domain_orders, info.domain_order_count, info.order_stride, info.domain_count);
    if (!info.licence) info.licence = "";
    if (!info.citation) info.citation = "";
    return info;
  }

  // Labels and domains, valid until this object goes.
  clb_index index(uint32_t split) const {
    clb_index index{};
    index.struct_size = sizeof(index);
    check("index", [&] { return table_.index(self_, split, &index); });
    if (index.count < 0 || (index.count > 0 && !index.labels)) {
      throw PluginError(CLB_E_INVALID, "index of the dataset gave " + std::to_string(index.count) + " samples without labels");
    }
    return index;
  }

  // [any]. Every sample has bytes, and as many as its geometry says.
  Samples read(uint32_t split, std::span<const int64_t> ids) const {
    Samples samples(this, ids.size());
    for (clb_sample& sample : samples.samples_) sample.struct_size = sizeof(sample);
    check("read", [&] {
      return table_.read(self_, split, ids.data(), static_cast<int64_t>(ids.size()), samples.samples_.data(), sizeof(clb_sample),
                         &samples.token_);
    });
    for (size_t i = 0; i < samples.size(); ++i) check_sample(samples[i], ids[i]);
    return samples;
  }

  void verify() const {
    check("verify", [&] { return table_.verify(self_); });
  }

 private:
  std::vector<clb_setting> defaults() const {
    const clb_dataset_info info = describe();
    std::vector<clb_setting> settings;
    for (uint32_t k = 0; k < info.param_count; ++k) {
      const auto& p = *reinterpret_cast<const clb_param*>(reinterpret_cast<const char*>(info.params) + size_t{k} * info.param_stride);
      settings.push_back({sizeof(clb_setting), 0, p.name, p.default_value});
    }
    return settings;
  }

  static void expect_names(const char* const* names, int64_t count, const char* what) {
    constexpr int64_t kMost = int64_t{1} << 24;
    if (count > kMost) throw PluginError(CLB_E_INVALID, "describe of the dataset gives " + std::to_string(count) + " names of a " + what);
    for (int64_t k = 0; k < count; ++k) {
      if (!names[k])
        throw PluginError(CLB_E_INVALID, "describe of the dataset has no name for " + std::string(what) + " " + std::to_string(k));
    }
  }

  static void expect_orders(const clb_order* orders, uint32_t count, uint32_t stride, int64_t ids) {
    for (uint32_t k = 0; k < count; ++k) {
      const auto& order = *reinterpret_cast<const clb_order*>(reinterpret_cast<const char*>(orders) + size_t{k} * stride);
      if (!order.name || (!order.ids && ids > 0))
        throw PluginError(CLB_E_INVALID, "describe of the dataset gave order " + std::to_string(k) + " without a name or ids");
    }
  }

  template <class Call>
  void check(const char* what, Call call) const {
    ErrorSink::clear();
    if (const clb_status status = call(); status != CLB_OK) throw ErrorSink::take(status, std::string(what) + " of the dataset failed");
  }

  static void check_sample(const clb_sample& sample, int64_t id) {
    bool good = sample.bytes && sample.size > 0;
    if (sample.format == CLB_FORMAT_U8_HWC) {
      constexpr int64_t kMaxSide = 65535;
      good = good && sample.height > 0 && sample.height <= kMaxSide && sample.width > 0 && sample.width <= kMaxSide &&
             (sample.channels == 1 || sample.channels == 3) &&
             sample.size == static_cast<uint64_t>(sample.height * sample.width * sample.channels);
    } else if (sample.format == CLB_FORMAT_F32) {
      good = good && sample.size % sizeof(float) == 0;
    } else {
      good = good && sample.format == CLB_FORMAT_ENCODED;
    }
    if (!good) throw PluginError(CLB_E_INVALID, "read of the dataset gave an inconsistent sample " + std::to_string(id));
  }

  clb_dataset table_;
  const clb_host* host_;
  void* self_ = nullptr;
};

}  // namespace clb
