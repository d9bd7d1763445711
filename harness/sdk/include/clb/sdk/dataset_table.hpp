// The clb_dataset table of a class derived from clb::Dataset: translates exceptions, checks what crosses, keeps the index. Included by
// dataset.hpp.
#pragma once

#include <algorithm>

namespace clb::detail {

// Names as the ABI wants them: pointers into strings that stay where they are.
class NameTable {
 public:
  explicit NameTable(std::vector<std::string> names) : names_(std::move(names)) {
    for (const std::string& name : names_) pointers_.push_back(name.c_str());
  }
  NameTable(const NameTable&) = delete;
  const char* const* data() const { return pointers_.empty() ? nullptr : pointers_.data(); }
  int64_t size() const { return static_cast<int64_t>(pointers_.size()); }

 private:
  std::vector<std::string> names_;
  std::vector<const char*> pointers_;
};

// Orders likewise; each must name `count` ids, every one once.
class OrderTable {
 public:
  OrderTable(std::vector<NamedOrder> orders, int64_t count, const char* of_what) : orders_(std::move(orders)) {
    for (const NamedOrder& order : orders_) {
      std::vector<int64_t> sorted = order.ids;
      std::sort(sorted.begin(), sorted.end());
      bool good = static_cast<int64_t>(sorted.size()) == count;
      for (size_t k = 0; good && k < sorted.size(); ++k) good = sorted[k] == static_cast<int64_t>(k);
      if (!good) {
        throw PluginError(CLB_E_INTERNAL,
                          "the order \"" + order.name + "\" of " + of_what + " does not name each of " + std::to_string(count) + " once");
      }
      table_.push_back({sizeof(clb_order), 0, order.name.c_str(), order.ids.data()});
    }
  }
  OrderTable(const OrderTable&) = delete;
  const clb_order* data() const { return table_.empty() ? nullptr : table_.data(); }
  uint32_t size() const { return static_cast<uint32_t>(table_.size()); }

 private:
  std::vector<NamedOrder> orders_;
  std::vector<clb_order> table_;
};

inline NameTable names_of(const char* list) { return NameTable(*list ? split_names(list) : std::vector<std::string>{}); }

// `index` must name classes and domains that exist; a session counts on it.
inline void check_index(const Index& index, const char* split, int64_t class_count, int64_t domain_count) {
  const auto check = [&](const std::vector<int64_t>& ids, int64_t count, const char* what) {
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0 || ids[i] >= count) {
        throw PluginError(CLB_E_IO, std::string("sample ") + std::to_string(i) + " of split " + split + " has the " + what + " " +
                                        std::to_string(ids[i]) + ", wanted 0 to " + std::to_string(count - 1));
      }
    }
  };
  if (index.labels.empty()) throw PluginError(CLB_E_IO, std::string("split ") + split + " has no samples");
  if (!index.domains.empty() && index.domains.size() != index.labels.size()) {
    throw PluginError(CLB_E_INTERNAL, std::string("split ") + split + " has " + std::to_string(index.domains.size()) + " domains for " +
                                          std::to_string(index.labels.size()) + " labels");
  }
  check(index.labels, class_count, "label");
  check(index.domains, domain_count, "domain");
}

template <class D>
class DatasetTable {
 public:
  static const clb_dataset kTable;

 private:
  struct Opened {
    const clb_host* host;
    D dataset;
    PerSplit<Index> index;
    std::optional<NameTable> class_names, domain_names;  // when `about` has none
    std::optional<NameTable> readable_names, templates, group_names, notes;
    std::optional<OrderTable> class_orders, domain_orders;
    std::vector<int64_t> class_groups;
  };
  using Owned = std::vector<std::vector<uint8_t>>;  // what a read's token points to

  static Opened& opened(void* self) { return *static_cast<Opened*>(self); }
  // Names of `about`, or else those that the open dataset found in its files. NULL: not open.
  static const NameTable& classes(const Opened* open) {
    static const NameTable names = names_of(D::about.classes);
    return open && open->class_names ? *open->class_names : names;
  }
  static const NameTable& domains(const Opened* open) {
    static const NameTable names = names_of(D::about.domains);
    return open && open->domain_names ? *open->domain_names : names;
  }
  static int64_t domain_count(const Opened* open) { return std::max<int64_t>(1, domains(open).size()); }
  static Split split_of(uint32_t split) {
    if (split > CLB_SPLIT_TEST) throw PluginError(CLB_E_INVALID, "there is no split " + std::to_string(split));
    return static_cast<Split>(split);
  }

  static clb_status describe(void* self, clb_dataset_info* info) {
    return guarded(self ? opened(self).host : nullptr, [&] {
      const Opened* open = static_cast<const Opened*>(self);
      clb_dataset_info full{};
      full.modality = static_cast<uint32_t>(D::about.modality);
      full.class_names = classes(open).data();
      full.class_count = classes(open).size();
      full.domain_names = domains(open).data();
      full.domain_count = domain_count(open);
      full.feature_dim = open ? open->dataset.feature_dim() : 0;
      full.height = D::about.geometry.height;
      full.width = D::about.geometry.width;
      full.channels = D::about.geometry.channels;
      full.licence = D::about.licence;
      full.citation = D::about.citation;
      full.default_root = D::about.default_root;
      full.order_stride = sizeof(clb_order);
      full.params = params_of<D>().schema().data();
      full.param_count = static_cast<uint32_t>(params_of<D>().schema().size());
      full.param_stride = sizeof(clb_param);
      if (open) tell_of_open(*open, full);
      fill_struct(info, full);
    });
  }

  static void tell_of_open(const Opened& open, clb_dataset_info& full) {
    full.orders = open.class_orders->data();
    full.order_count = open.class_orders->size();
    full.domain_orders = open.domain_orders->data();
    full.domain_order_count = open.domain_orders->size();
    full.readable_names = open.readable_names->data();
    full.templates = open.templates->data();
    full.template_count = open.templates->size();
    full.group_names = open.group_names->data();
    full.group_count = open.group_names->size();
    full.notes = open.notes->data();
    full.note_count = open.notes->size();
    full.class_groups = open.class_groups.empty() ? nullptr : open.class_groups.data();
  }

  // What the author's functions say, checked against the number of classes.
  static void ask(Opened& object) {
    const int64_t count = classes(&object).size();
    object.class_orders.emplace(object.dataset.class_orders(), count, "classes");
    object.domain_orders.emplace(object.dataset.domain_orders(), domain_count(&object), "domains");
    object.readable_names.emplace(object.dataset.readable_names());
    object.templates.emplace(object.dataset.templates());
    object.notes.emplace(object.dataset.notes());
    ClassGroups groups = object.dataset.class_groups();
    object.group_names.emplace(std::move(groups.names));
    object.class_groups = std::move(groups.of_class);
    const int64_t readable = object.readable_names->size();
    if (readable != 0 && readable != count) {
      throw PluginError(CLB_E_INTERNAL, std::to_string(readable) + " readable names for " + std::to_string(count) + " classes");
    }
    const auto grouped = static_cast<int64_t>(object.class_groups.size());
    if (object.group_names->size() != 0 && grouped != count) {
      throw PluginError(CLB_E_INTERNAL, "groups of " + std::to_string(grouped) + " classes, wanted " + std::to_string(count));
    }
  }

  static clb_status open(const clb_dataset_session* raw, void** self) {
    return guarded(raw->host, [&] {
      const clb_dataset_session session = read_struct(raw);
      auto object = std::make_unique<Opened>();
      object->host = session.host;
      params_of<D>().apply(object->dataset, session.settings, session.setting_count, session.setting_stride);
      object->dataset.open(session.root);
      if (classes(nullptr).size() == 0) object->class_names.emplace(object->dataset.class_names());
      if (domains(nullptr).size() == 0) object->domain_names.emplace(object->dataset.domain_names());
      for (const Split split : kSplits) {
        object->index[split] = object->dataset.index(split);
        check_index(object->index[split], split == Split::kTrain ? "train" : "test", classes(object.get()).size(),
                    domain_count(object.get()));
      }
      ask(*object);
      *self = object.release();
    });
  }

  static void close(void* self) { delete static_cast<Opened*>(self); }

  static clb_status index(void* self, uint32_t split, clb_index* index) {
    return guarded(opened(self).host, [&] {
      const Index& of_split = opened(self).index[split_of(split)];
      clb_index full{};
      full.count = static_cast<int64_t>(of_split.labels.size());
      full.labels = of_split.labels.data();
      full.domains = of_split.domains.empty() ? nullptr : of_split.domains.data();
      fill_struct(index, full);
    });
  }

  static clb_status read(void* self, uint32_t split, const int64_t* ids, int64_t count, clb_sample* samples, uint32_t stride,
                         void** token) {
    return guarded(opened(self).host, [&] {
      const Split of = split_of(split);
      const auto size = static_cast<int64_t>(opened(self).index[of].labels.size());
      std::unique_ptr<Owned> owned;  // made by the first sample that brings its own bytes
      auto* at = reinterpret_cast<unsigned char*>(samples);
      for (int64_t i = 0; i < count; ++i, at += stride) {
        if (ids[i] < 0 || ids[i] >= size) {
          throw PluginError(CLB_E_INVALID, "there is no sample " + std::to_string(ids[i]) + ", the split has " + std::to_string(size));
        }
        Sample sample = opened(self).dataset.read(of, ids[i]);
        const Geometry& sides = sample.geometry();
        fill_struct(reinterpret_cast<clb_sample*>(at), clb_sample{0, sample.format(), sample.bytes().data(), sample.bytes().size(),
                                                                  sides.height, sides.width, sides.channels, sample.name()});
        if (sample.owned().empty()) continue;
        if (!owned) owned = std::make_unique<Owned>();
        owned->push_back(std::move(sample.owned()));  // moving a vector keeps its bytes where they are
      }
      *token = owned.release();
    });
  }

  static void release(void*, void* token) { delete static_cast<Owned*>(token); }

  static clb_status verify(void* self) {
    return guarded(opened(self).host, [&] { opened(self).dataset.verify(); });
  }
};

template <class D>
constinit const clb_dataset DatasetTable<D>::kTable{sizeof(clb_dataset),  0,     &describe, &open,   &close,
                                                    &DatasetTable::index, &read, &release,  &verify, nullptr};

}  // namespace clb::detail
