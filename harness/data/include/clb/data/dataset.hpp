// A dataset plugin as the session opens it.
#pragma once

#include <clb/base/content_sample.hpp>
#include <clb/base/describe.hpp>
#include <clb/sdk/call_dataset.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace clb::data {

enum class Split { kTrain = CLB_SPLIT_TRAIN, kTest = CLB_SPLIT_TEST };
inline constexpr Split kSplits[] = {Split::kTrain, Split::kTest};

class Dataset {
 public:
  // root "": the plugin's default folder. Error when the plugin cannot be loaded or has no default; PluginError when the files are missing
  // or damaged.
  // params: values of the plugin's parameters; one that is absent has its neutral value, or its default where it has none.
  Dataset(const std::string& file, const std::string& root, const base::Json& params = base::Json::object());

  static base::DatasetInfo info_of(const std::string& file);  // without files
  base::DatasetInfo info() const;                             // with class names; counts and fingerprint are left empty
  const std::string& root() const { return root_; }
  const base::ContentSample& files() const { return files_; }  // as they were before they were opened

  std::span<const int64_t> labels(Split split) const;   // original class ids, all within the class count
  std::span<const int64_t> domains(Split split) const;  // all within the domain count; empty: one domain
  // [any] The samples' bytes live as long as the returned object. They are of the dataset's modality and, if that is features, dimension.
  DatasetPlugin::Samples read(Split split, std::span<const int64_t> indices) const;

 private:
  void check_ids(std::span<const int64_t> ids, int64_t count, const char* what) const;

  std::string file_, root_;
  base::ContentSample files_;
  std::unique_ptr<DatasetPlugin> plugin_;
  int64_t feature_dim_ = 0;  // 0: images
};

}  // namespace clb::data
