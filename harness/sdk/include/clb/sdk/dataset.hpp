// What a dataset author includes: a class derived from clb::Dataset and one macro line, CLB_DATASET(Class), make a plugin.
//
//   class Mine final : public clb::Dataset {
//    public:
//     static constexpr clb::DatasetAbout about{.id = "mine", .version = "1.0.0", ...};
//     void open(const clb::Path& root) override;             // reads or maps the files, throws PluginError when one is damaged
//     clb::Index index(clb::Split split) const override;     // labels in index order
//     clb::Sample read(clb::Split split, int64_t i) const override;
//   };
//   CLB_DATASET(Mine)
//
// A dataset serves samples as they are: no transform, no class order, no task split. After `open`, everything is const and may be called
// on several threads at once. Parameters (which published split, say) are members with a default and declared as a method's are
// (params.hpp): `static void params(clb::Params<Mine>& p)`; they are set before `open`.
#pragma once

#include <clb/dataset.h>

#include <array>
#include <clb/sdk/error.hpp>
#include <clb/sdk/guard.hpp>
#include <clb/sdk/meta.hpp>
#include <clb/sdk/params.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clb {

using Path = std::filesystem::path;

enum class Split : uint32_t { kTrain = CLB_SPLIT_TRAIN, kTest = CLB_SPLIT_TEST };
inline constexpr std::array<Split, 2> kSplits{Split::kTrain, Split::kTest};

// One T for each split, addressed by it.
template <class T>
class PerSplit {
 public:
  T& operator[](Split split) { return values_[static_cast<size_t>(split)]; }
  const T& operator[](Split split) const { return values_[static_cast<size_t>(split)]; }

 private:
  std::array<T, 2> values_{};
};

enum class Modality : uint32_t { kImages = CLB_MODALITY_IMAGES, kFeatures = CLB_MODALITY_FEATURES };

// Sides of every image; 0 when they vary.
struct Geometry {
  int64_t height = 0, width = 0, channels = 0;
};

// Facts of a dataset that need no files, as `static constexpr clb::DatasetAbout about{...}` of its class.
struct DatasetAbout {
  const char* id = "";
  const char* version = "";
  const char* citation = "";
  const char* licence = "";
  const char* classes = "";            // names between '|'; "": known only after open, see Dataset::class_names
  const char* domains = "";            // names between '|'; "": one domain, or known only after open, see Dataset::domain_names
  const char* default_root = nullptr;  // folder tried when the experiment gives none; "": it reads no files
  Geometry geometry{};
  Modality modality = Modality::kImages;
};

// The names in "a|b|c".
inline std::vector<std::string> split_names(std::string_view names) {
  std::vector<std::string> list;
  for (size_t bar; (bar = names.find('|')) != std::string_view::npos; names.remove_prefix(bar + 1)) list.emplace_back(names.substr(0, bar));
  list.emplace_back(names);
  return list;
}

// An order of classes or of domains that a publication prescribes: each id once.
struct NamedOrder {
  std::string name;
  std::vector<int64_t> ids;
};

// Groups of classes, such as super-classes: a name for each, and the group of each class.
struct ClassGroups {
  std::vector<std::string> names;
  std::vector<int64_t> of_class;
};

// Labels (original class ids) and domains of a split, in index order.
struct Index {
  std::vector<int64_t> labels;
  std::vector<int64_t> domains;  // as many as labels, or none: all 0

  template <class Labels>
  static Index from_labels(const Labels& labels) {
    return {std::vector<int64_t>(std::begin(labels), std::end(labels)), {}};
  }
};

// One sample: a view of bytes that live as long as the dataset, or bytes of its own.
class Sample {
 public:
  static Sample grey(std::span<const uint8_t> pixels, int64_t height, int64_t width) { return decoded(pixels, height, width, 1); }
  static Sample rgb(std::span<const uint8_t> pixels, int64_t height, int64_t width) { return decoded(pixels, height, width, 3); }  // HWC

  // Decoded on the fly: pixels of its own, HWC.
  static Sample rgb(std::vector<uint8_t>&& pixels, int64_t height, int64_t width) {
    Sample sample = decoded(pixels, height, width, 3);
    sample.owned_ = std::move(pixels);
    sample.bytes_ = sample.owned_;
    return sample;
  }

  // A JPEG or PNG file. name: of the file, for messages; lives as long as the dataset.
  static Sample encoded(std::vector<uint8_t>&& file, const char* name = nullptr) {
    Sample sample(CLB_FORMAT_ENCODED, std::move(file));
    sample.name_ = name;
    return sample;
  }

  // float32 values of a feature vector, little-endian.
  static Sample features(std::span<const uint8_t> values) { return Sample(CLB_FORMAT_F32, values, {}); }
  static Sample features(std::vector<uint8_t>&& values) { return Sample(CLB_FORMAT_F32, std::move(values)); }

  uint32_t format() const { return format_; }  // CLB_FORMAT_*
  std::span<const uint8_t> bytes() const { return bytes_; }
  const Geometry& geometry() const { return geometry_; }
  const char* name() const { return name_; }        // NULL when there is none
  std::vector<uint8_t>& owned() { return owned_; }  // empty for a view

 private:
  Sample(uint32_t format, std::span<const uint8_t> bytes, Geometry geometry) : format_(format), bytes_(bytes), geometry_(geometry) {}
  Sample(uint32_t format, std::vector<uint8_t>&& bytes) : format_(format), bytes_(bytes), owned_(std::move(bytes)) {}
  static Sample decoded(std::span<const uint8_t> pixels, int64_t height, int64_t width, int64_t channels) {
    if (pixels.size() != static_cast<size_t>(height * width * channels)) {
      throw PluginError(CLB_E_INTERNAL, "an image of " + std::to_string(height) + " x " + std::to_string(width) + " x " +
                                            std::to_string(channels) + " has " + std::to_string(pixels.size()) + " bytes");
    }
    return Sample(CLB_FORMAT_U8_HWC, pixels, {height, width, channels});
  }

  uint32_t format_;
  std::span<const uint8_t> bytes_;
  Geometry geometry_;
  const char* name_ = nullptr;
  std::vector<uint8_t> owned_;
};

// Base class of every dataset. Every function may throw (PluginError, std::bad_alloc, ...): the call then fails with that sentence.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual void open(const Path& root) = 0;
  virtual Index index(Split split) const = 0;  // asked once, after open
  virtual Sample read(Split split, int64_t i) const = 0;
  virtual void verify() const {}  // checks beyond those of open, such as publishers' checksums

  // After open, for datasets whose files decide.
  virtual std::vector<std::string> class_names() const { return {}; }   // when `about` names no classes
  virtual std::vector<std::string> domain_names() const { return {}; }  // when `about` names no domains; none: one domain
  virtual int64_t feature_dim() const { return 0; }                     // of every vector of Modality::kFeatures

  // After open, for datasets that have them. An order has its name in an experiment: order = "official".
  virtual std::vector<NamedOrder> class_orders() const { return {}; }
  virtual std::vector<NamedOrder> domain_orders() const { return {}; }
  virtual std::vector<std::string> readable_names() const { return {}; }  // of the classes, as people say them; none: class_names are such
  virtual std::vector<std::string> templates() const { return {}; }       // sentences with "{}" where the name belongs
  virtual ClassGroups class_groups() const { return {}; }

  // After open: what it found, in sentences for people (which of several layouts, what was passed over).
  virtual std::vector<std::string> notes() const { return {}; }
};

}  // namespace clb

#include <clb/sdk/dataset_table.hpp>

// Makes a plugin of `Class`: defines the entry clb_dataset_v0 and the constant clb_plugin_meta.
#define CLB_DATASET(Class)                                                                               \
  CLB_PLUGIN_META(CLB_KIND_DATASET, Class::about.id, Class::about.version, 0, "", Class::about.citation) \
  extern "C" CLB_EXPORT const clb_dataset* clb_dataset_v0() { return &clb::detail::DatasetTable<Class>::kTable; }
