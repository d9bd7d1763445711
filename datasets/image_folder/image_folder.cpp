// JPEG and PNG files in folders: root/{train,test}/CLASS/FILE, or root/DOMAIN/{train,test}/CLASS/FILE.
//
// Domains, classes and files are sorted by the bytes of their names, as torchvision's ImageFolder does, so that class numbers are the same
// everywhere. The depth is fixed, so a loop of symbolic links ends in a sentence. Files are delivered as they are; the host decodes them.
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/image_kind.hpp>
#include <clb/sdk/dataset.hpp>

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& problem) {
  throw clb::PluginError(CLB_E_IO, path.string() + ": " + problem);
}

// Through links; not_found for a broken one.
fs::file_type type_of(const fs::path& path) {
  std::error_code error;
  return fs::status(path, error).type();
}
bool is_folder(const fs::path& path) { return type_of(path) == fs::file_type::directory; }

// What a folder holds, hidden names (".DS_Store") left out, in byte order.
std::vector<fs::path> visible(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->path().filename().native().starts_with('.')) entries.push_back(entry->path());
  }
  if (error) fail(folder, "cannot be listed: " + error.message());
  std::sort(entries.begin(), entries.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return entries;
}

bool has_splits(const fs::path& folder) { return is_folder(folder / "train") || is_folder(folder / "test"); }

// The folders that hold train and test: the root itself, or one for each domain.
std::vector<fs::path> split_parents(const fs::path& root) {
  if (!is_folder(root)) fail(root, "is no folder");
  const bool plain = has_splits(root);
  std::vector<fs::path> domains;
  for (const fs::path& entry : visible(root)) {
    // A class may be called "train" too: inside the splits nothing is looked for.
    if (!is_folder(entry) || (plain && (entry.filename() == "train" || entry.filename() == "test"))) continue;
    if (plain && has_splits(entry))
      fail(entry, "has train or test like a domain, but so has the folder above it; use one of the two layouts");
    domains.push_back(entry);
  }
  if (plain) return {root};
  if (domains.empty()) fail(root, "holds neither the folders train and test nor folders of domains that hold them");
  return domains;
}

std::vector<std::string> class_names_in(const fs::path& split) {
  if (!is_folder(split)) fail(split, "is missing; train and test are both needed");
  std::vector<std::string> names;
  for (const fs::path& entry : visible(split)) {
    if (!is_folder(entry)) fail(entry, "is no folder of a class; remove it or hide it with a leading dot");
    names.push_back(entry.filename().string());
  }
  if (names.empty()) fail(split, "holds no folders of classes");
  return names;
}

void require_same_classes(const fs::path& split, const std::vector<std::string>& found, const fs::path& first,
                          const std::vector<std::string>& wanted) {
  std::vector<std::string> missing, surplus;
  std::set_difference(wanted.begin(), wanted.end(), found.begin(), found.end(), std::back_inserter(missing));
  std::set_difference(found.begin(), found.end(), wanted.begin(), wanted.end(), std::back_inserter(surplus));
  if (!missing.empty()) fail(split, "the class \"" + missing[0] + "\" of " + first.string() + " is missing");
  if (!surplus.empty()) fail(split / surplus[0], "is a class that " + first.string() + " does not have");
}

bool has_image_extension(const fs::path& file) {
  std::string extension = file.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

std::vector<std::string> images_in(const fs::path& folder) {
  std::vector<std::string> files;
  for (const fs::path& entry : visible(folder)) {
    const fs::file_type type = type_of(entry);
    if (type == fs::file_type::directory) fail(entry, "is a folder among the images of a class");
    if (type != fs::file_type::regular) fail(entry, "is no file that can be read; is it a broken link?");
    if (!has_image_extension(entry)) fail(entry, "ends neither in .jpg, .jpeg nor .png; remove it or hide it with a leading dot");
    files.push_back(entry.string());
  }
  if (files.empty()) fail(folder, "holds no images");
  return files;
}

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
  }

  clb::Index index(clb::Split split) const override { return index_[split]; }
  std::vector<std::string> class_names() const override { return classes_; }
  std::vector<std::string> domain_names() const override { return domains_; }

  clb::Sample read(clb::Split split, int64_t i) const override {
    const std::string& file = files_[split][static_cast<size_t>(i)];
    std::vector<uint8_t> bytes = bytes_of(file);
    if (bytes.empty()) fail(file, "is empty");
    if (clb::base::image_kind(bytes) == clb::base::ImageKind::kNeither) fail(file, "begins neither like a JPEG nor like a PNG file");
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
    for (size_t c = 0; c < classes_.size(); ++c) {
      for (std::string& file : images_in(folder / classes_[c])) {
        files_[split].push_back(std::move(file));
        index_[split].labels.push_back(static_cast<int64_t>(c));
        index_[split].domains.push_back(domain);
      }
    }
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
};

}  // namespace

CLB_DATASET(ImageFolder)
