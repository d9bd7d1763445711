// JPEG and PNG files in folders: root/{train,test}/CLASS/FILE, or root/DOMAIN/{train,test}/CLASS/FILE.
//
// Domains, classes and files are sorted by the bytes of their names, as torchvision's ImageFolder does, so that class numbers are the same
// everywhere. The depth is fixed, so a loop of symbolic links ends in a sentence. Files are delivered as they are; the host decodes them.
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/foreign_format.hpp>
#include <clb/base/image_kind.hpp>
#include <clb/sdk/dataset.hpp>

#include "layout.hpp"

namespace {

namespace fs = std::filesystem;
using namespace image_folder;

class ImageFolder final : public clb::Dataset {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "image_folder",
      .version = "1.0.0",
      .citation = "JPEG and PNG files in root/{train,test}/CLASS or root/DOMAIN/{train,test}/CLASS",
      .licence = "that of the files",
  };

  void open(const clb::Path& root) override {
    const std::vector<fs::path> parents = split_parents(root);
    for (size_t d = 0; d < parents.size(); ++d) {
      if (parents[0] != root) domains_.push_back(parents[d].filename().string());
      for (const clb::Split split : clb::kSplits) {
        add_split(split, parents[d] / (split == clb::Split::kTrain ? "train" : "test"), parents[0] / "train", static_cast<int64_t>(d));
      }
    }
    refuse(no_images_);
  }

  clb::Index index(clb::Split split) const override { return index_[split]; }
  std::vector<std::string> class_names() const override { return classes_; }
  std::vector<std::string> domain_names() const override { return domains_; }

  clb::Sample read(clb::Split split, int64_t i) const override {
    const std::string& file = files_[split][static_cast<size_t>(i)];
    std::vector<uint8_t> bytes = bytes_of(file);
    if (bytes.empty()) fail(file, "is empty");
    if (clb::base::image_kind(bytes) == clb::base::ImageKind::kNeither) {
      const std::string known = clb::base::foreign_format(bytes);
      fail(file, (known.empty() ? "" : known + "; it ") + "begins neither like a JPEG nor like a PNG file");
    }
    return clb::Sample::encoded(std::move(bytes), file.c_str());
  }

 private:
  // first: the split whose classes all others must have.
  void add_split(clb::Split split, const fs::path& folder, const fs::path& first, int64_t domain) {
    std::vector<std::string> found = class_names_in(folder);
    if (classes_.empty())
      classes_ = std::move(found);
    else
      require_same_classes(folder, found, first, classes_);
    std::vector<std::string> empty;
    for (size_t c = 0; c < classes_.size(); ++c) {
      std::vector<std::string> images = images_in(folder / classes_[c], no_images_);
      if (images.empty()) empty.push_back(classes_[c]);
      for (std::string& file : images) {
        files_[split].push_back(std::move(file));
        index_[split].labels.push_back(static_cast<int64_t>(c));
        index_[split].domains.push_back(domain);
      }
    }
    if (empty.size() == 1 && no_images_.count == 0) fail(folder / empty[0], "holds no images");
    if (!empty.empty() && no_images_.count == 0) fail(folder, listed(empty, "the class") + " have folders without images");
  }

  static std::vector<uint8_t> bytes_of(const std::string& file) try {
    const std::string bytes = clb::base::read_file(file);
    return {bytes.begin(), bytes.end()};
  } catch (const clb::base::Error& error) {
    throw clb::PluginError(CLB_E_IO, error.what());
  }

  std::vector<std::string> classes_, domains_;  // no domains: there is one without a name
  clb::PerSplit<std::vector<std::string>> files_;
  clb::PerSplit<clb::Index> index_;
  NoImages no_images_;
};

}  // namespace

CLB_DATASET(ImageFolder)
