// Feature vectors that were computed elsewhere: train.safetensors and test.safetensors, each with `features` [n, d], `labels` [n] and, if
// there are domains, `domains` [n]. Served as the feature kind main:cls, so that every method on frozen features runs on them.
#include <bit>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/sdk/dataset.hpp>
#include <cmath>
#include <cstring>

namespace {

using clb::base::TensorEntry;
static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

// IEEE 754 binary16.
float half_to_float(uint16_t half) {
  const int exponent = half >> 10 & 0x1f, mantissa = half & 0x3ff;
  const float magnitude = exponent == 0    ? std::ldexp(static_cast<float>(mantissa), -24)
                          : exponent == 31 ? (mantissa ? NAN : INFINITY)
                                           : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

template <class T>
T load(const uint8_t* at) {  // tensors need not be aligned
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// How one value of a tensor of these dtypes is read.
using LoadReal = float (*)(const uint8_t*);
LoadReal real_loader(const std::string& dtype) {
  if (dtype == "F32") return load<float>;
  if (dtype == "F16") return [](const uint8_t* at) { return half_to_float(load<uint16_t>(at)); };
  if (dtype == "BF16") return [](const uint8_t* at) { return std::bit_cast<float>(uint32_t{load<uint16_t>(at)} << 16); };
  return [](const uint8_t* at) { return static_cast<float>(load<double>(at)); };  // F64
}

// One of the two files, mapped and checked.
class FeatureFile {
 public:
  explicit FeatureFile(const clb::Path& path) : file_(path), header_(clb::base::parse_safetensors(file_.bytes(), path.string())) {
    for (const auto& [name, entry] : header_.tensors) {
      if (name != "features" && name != "labels" && name != "domains")
        fail("holds the unknown tensor \"" + name + "\"; known are features, labels and domains");
    }
    features_ = tensor("features", {"F32", "F16", "BF16", "F64"}, 2);
    load_ = real_loader(features_.dtype);
    if (count() == 0 || dim() == 0) fail("features has the shape [" + std::to_string(count()) + ", " + std::to_string(dim()) + "]");
    labels = ids("labels");
    if (header_.tensors.contains("domains")) domains = ids("domains");
    check_finite();
  }

  int64_t count() const { return features_.shape[0]; }
  int64_t dim() const { return features_.shape[1]; }

  // Row i as float32; a view where the file holds float32.
  clb::Sample row(int64_t i) const {
    const auto row = file_.bytes().subspan(features_.begin + static_cast<uint64_t>(i) * row_bytes(), row_bytes());
    if (features_.dtype == "F32") return clb::Sample::features(row);
    std::vector<uint8_t> values(static_cast<size_t>(dim()) * sizeof(float));
    for (size_t j = 0; j < static_cast<size_t>(dim()); ++j) {
      const float value = load_(row.data() + j * value_bytes());
      std::memcpy(values.data() + j * sizeof value, &value, sizeof value);
    }
    return clb::Sample::features(std::move(values));
  }

  // A JSON list of distinct names in __metadata__; empty when there is none.
  std::vector<std::string> names(const char* member) const {
    const auto found = header_.metadata.find(member);
    if (found == header_.metadata.end()) return {};
    const std::string what = std::string(member) + " of __metadata__";
    const clb::base::Json list = clb::base::parse_json(found->second, path() + ": " + what);
    std::vector<std::string> names;
    if (!list.is_array() || list.empty()) fail(what + " must be a JSON list of names");
    for (const clb::base::Json& name : list) {
      if (!name.is_string() || name.get<std::string>().empty()) fail(what + " must be a JSON list of names");
      if (std::find(names.begin(), names.end(), name) != names.end()) fail(what + " has " + name.dump() + " twice");
      names.push_back(name);
    }
    return names;
  }

  // Sample i is meant; the offset is that of its label or domain.
  [[noreturn]] void fail_at(const char* name, size_t i, const std::string& problem) const {
    const TensorEntry& entry = header_.tensors.at(name);
    fail(std::string(name) + "[" + std::to_string(i) + "] (offset " + std::to_string(entry.begin + i * clb::base::dtype_size(entry.dtype)) +
         ") " + problem);
  }
  [[noreturn]] void fail(const std::string& problem) const { throw clb::PluginError(CLB_E_IO, path() + ": " + problem); }
  std::string path() const { return file_.path().string(); }

  std::vector<int64_t> labels, domains;

 private:
  uint64_t value_bytes() const { return clb::base::dtype_size(features_.dtype); }
  uint64_t row_bytes() const { return static_cast<uint64_t>(dim()) * value_bytes(); }

  const TensorEntry& tensor(const std::string& name, std::initializer_list<const char*> dtypes, size_t dimensions) const {
    const auto found = header_.tensors.find(name);
    if (found == header_.tensors.end()) fail("has no tensor \"" + name + "\"");
    const TensorEntry& entry = found->second;
    if (std::find(dtypes.begin(), dtypes.end(), entry.dtype) == dtypes.end()) {
      std::string wanted;
      for (const char* dtype : dtypes) wanted += (wanted.empty() ? "" : ", ") + std::string(dtype);
      fail(name + " has the dtype " + entry.dtype + ", wanted " + wanted);
    }
    if (entry.shape.size() != dimensions)
      fail(name + " has " + std::to_string(entry.shape.size()) + " dimensions, wanted " + std::to_string(dimensions));
    return entry;
  }

  std::vector<int64_t> ids(const std::string& name) const {
    const TensorEntry& entry = tensor(name, {"I64", "I32"}, 1);
    if (entry.shape[0] != count())
      fail(name + " has " + std::to_string(entry.shape[0]) + " elements for " + std::to_string(count()) + " rows of features");
    const uint8_t* at = file_.bytes().data() + entry.begin;
    std::vector<int64_t> values(static_cast<size_t>(count()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = entry.dtype == "I64" ? load<int64_t>(at + 8 * i) : load<int32_t>(at + 4 * i);
    return values;
  }

  void check_finite() const {
    const uint8_t* at = file_.bytes().data() + features_.begin;
    for (int64_t i = 0; i < count(); ++i) {
      for (int64_t j = 0; j < dim(); ++j, at += value_bytes()) {
        if (std::isfinite(load_(at))) continue;
        fail("features[" + std::to_string(i) + ", " + std::to_string(j) + "] (offset " + std::to_string(at - file_.bytes().data()) +
             ") is no finite float32");
      }
    }
  }

  clb::base::MappedFile file_;
  clb::base::SafetensorsHeader header_;
  TensorEntry features_;
  LoadReal load_ = nullptr;
};

class Features final : public clb::Dataset {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "features",
      .version = "1.0.0",
      .citation = "feature vectors in train.safetensors and test.safetensors",
      .licence = "that of the files",
      .modality = clb::Modality::kFeatures,
  };

  void open(const clb::Path& root) override try {
    for (const clb::Split split : clb::kSplits)
      files_[split].emplace(root / (split == clb::Split::kTrain ? "train.safetensors" : "test.safetensors"));
    if (test().dim() != train().dim())
      test().fail("features has " + std::to_string(test().dim()) + " columns, those of train.safetensors have " +
                  std::to_string(train().dim()));
    if (test().domains.empty() != train().domains.empty()) test().fail("one of the two files has domains, the other has none");
    classes_ = agreed_names("class_names");
    domains_ = agreed_names("domain_names");
    name_classes();
    name_domains();
  } catch (const clb::base::Error& error) {
    throw clb::PluginError(CLB_E_IO, error.what());
  }

  clb::Index index(clb::Split split) const override { return {files_[split]->labels, files_[split]->domains}; }
  clb::Sample read(clb::Split split, int64_t i) const override { return files_[split]->row(i); }
  std::vector<std::string> class_names() const override { return classes_; }
  std::vector<std::string> domain_names() const override { return domains_; }
  int64_t feature_dim() const override { return train().dim(); }

 private:
  const FeatureFile& train() const { return *files_[clb::Split::kTrain]; }
  const FeatureFile& test() const { return *files_[clb::Split::kTest]; }

  // Names stand in train.safetensors; test.safetensors may repeat them.
  std::vector<std::string> agreed_names(const char* member) const {
    std::vector<std::string> names = train().names(member);
    const std::vector<std::string> repeated = test().names(member);
    if (!repeated.empty() && repeated != names)
      test().fail(std::string(member) + " of __metadata__ differs from that of train.safetensors");
    return names;
  }

  static void require_range(const FeatureFile& file, const char* tensor, const std::vector<int64_t>& ids, int64_t count) {
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0 || ids[i] >= count)
        file.fail_at(tensor, i, "is " + std::to_string(ids[i]) + ", wanted 0 to " + std::to_string(count - 1));
    }
  }

  // How many ids there are: as many as names, else up to the largest one. No more than training samples, so that a damaged id costs
  // nothing.
  int64_t count_ids(const char* tensor, const std::vector<int64_t>& ids, const std::vector<std::string>& names) const {
    const int64_t largest = names.empty() ? *std::max_element(ids.begin(), ids.end()) : static_cast<int64_t>(names.size()) - 1;
    if (largest >= train().count())
      train().fail(std::string(tensor) + " go up to " + std::to_string(largest) + ", but there are " + std::to_string(train().count()) +
                   " samples");
    return std::max<int64_t>(0, largest) + 1;
  }

  // Ids without names are called by their numbers.
  void name_classes() {
    const int64_t count = count_ids("labels", train().labels, classes_);
    require_range(train(), "labels", train().labels, count);
    require_range(test(), "labels", test().labels, count);
    std::vector<bool> seen(static_cast<size_t>(count));
    for (const int64_t label : train().labels) seen[static_cast<size_t>(label)] = true;
    const auto unseen = std::find(seen.begin(), seen.end(), false);
    if (unseen != seen.end()) train().fail("no sample has the label " + std::to_string(unseen - seen.begin()));
    number(classes_, count);
  }

  void name_domains() {
    if (train().domains.empty()) {
      if (!domains_.empty()) train().fail("has domain_names in __metadata__, but no tensor \"domains\"");
      return;
    }
    const int64_t count = count_ids("domains", train().domains, domains_);
    require_range(train(), "domains", train().domains, count);
    require_range(test(), "domains", test().domains, count);
    number(domains_, count);
  }

  static void number(std::vector<std::string>& names, int64_t count) {
    for (auto i = static_cast<int64_t>(names.size()); i < count; ++i) names.push_back(std::to_string(i));
  }

  clb::PerSplit<std::optional<FeatureFile>> files_;
  std::vector<std::string> classes_, domains_;
};

}  // namespace

CLB_DATASET(Features)
