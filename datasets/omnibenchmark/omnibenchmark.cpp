// OmniBenchmark (Zhang et al., ECCV 2022) as the field uses it: 300 classes that the authors of APER drew from it. And as its authors hand
// it out: realms with lists of their images, whose labels are numbers within the realm.
#include <algorithm>
#include <clb/sdk/named_tree.hpp>
#include <set>

namespace {

namespace fs = std::filesystem;
using By = clb::NamedSplit::By;

constexpr int64_t kPublished = 7372;  // concepts, as the paper counts them

class OmniBenchmark final : public clb::NamedTree<OmniBenchmark> {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "omnibenchmark",
      .version = "1.0.0",
      .citation = "Zhang et al., Benchmarking Omni-Vision Representation through the Lens of Visual Realms, ECCV 2022, arXiv:2207.07106",
      .licence = "CC BY-NC-ND 4.0",
  };

  static clb::TreeFacts facts() {
    return {.classes = 300,
            .layouts = {{.what = "as re-packed for LAMDA-PILOT", .folders = "{split}/{class}"},
                        {.what = "as re-packed for LAMDA-PILOT", .folders = "omnibenchmark/{split}/{class}"}},
            .splits = {{.name = "pilot", .by = By::kFolders, .get = "omnibenchmark.zip of github.com/zhoudw-zdw/RevisitingCIL holds it"},
                       {.name = "official", .by = By::kLists}}};
  }

  // REALM/REALM.train/record.txt names "images/FILE LABEL" a line; the authors' program calls them REALM/train/records.txt. What was
  // published as labels of the test images are pseudo-classes: tested is what they validate on.
  void open(const clb::Path& root) override {
    if (split_ != "official") return NamedTree::open(root);
    const clb::Path inside = root / "meta";
    const clb::Path realms = fs::is_directory(inside) ? inside : root;
    std::vector<clb::ListedFile> all;
    int64_t repeated = 0;
    for (const std::string& realm : folders_of(realms))
      for (const clb::Split split : clb::kSplits) add_realm(realms, realm, split, all, repeated);
    if (all.empty())
      clb::tree_problem(root, "holds no lists REALM/REALM.{train,val}/record.txt, from which the split \"official\" is made");
    clb::ImageTree tree = clb::tree_of_lists(realms, "", all);
    clb::require_both_splits(tree);
    tree.notes.insert(tree.notes.begin(), "layout REALM/REALM.{train,val}/images/FILE, as its authors' program downloads it");
    if (repeated) tree.notes.push_back(std::to_string(repeated) + " lines of lists name an image again, left out");
    clb::tell_split(tree, split_, kPublished);
    serve(std::move(tree));
  }

 private:
  static std::vector<std::string> folders_of(const clb::Path& root) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (std::error_code broken; !name.starts_with('.') && entry->is_directory(broken)) names.push_back(name);
    }
    if (error) clb::tree_problem(root, "cannot be listed: " + error.message());
    std::sort(names.begin(), names.end());
    return names;
  }

  // The list of a realm, below `realms`; "": there is none.
  static std::string list_of(const clb::Path& realms, const std::string& realm, const std::string& split) {
    for (const std::string& folder : {realm + "/" + realm + "." + split, realm + "/" + split})
      for (const char* name : {"/record.txt", "/records.txt"})
        if (!clb::packed_there(realms / (folder + name)).empty()) return folder + name;
    return "";
  }

  static void add_realm(const clb::Path& realms, const std::string& realm, clb::Split split, std::vector<clb::ListedFile>& all,
                        int64_t& repeated) {
    const std::string train = list_of(realms, realm, "train"), val = list_of(realms, realm, "val");
    const std::string& list = split == clb::Split::kTrain ? train : val;
    if (train.empty() && val.empty()) return;  // the folder is no realm
    if (list.empty())
      clb::tree_problem(realms / realm,
                        split == clb::Split::kTrain ? "has a list of val and none of train" : "has a list of train and none of val");
    const std::string folder = list.substr(0, list.rfind('/') + 1);
    std::set<std::string> seen;
    for (clb::ListedFile& file : clb::read_list(realms / list, split, clb::ListColumns::kPathLabel)) {
      file.path.insert(0, folder);
      file.label.insert(0, realm + "/");
      if (seen.insert(file.path).second)
        all.push_back(std::move(file));
      else
        ++repeated;  // the authors' lists of addresses do so
    }
  }
};

}  // namespace

CLB_DATASET(OmniBenchmark)
