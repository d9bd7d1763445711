// Image files in folders: what the data sets of images share.
//
// A data set states its known layouts as data; the first that is there is read in one pass over the folders. Which one it is, and what was
// passed over on the way, is told in notes. No image is opened, and nothing is asked of a file beyond what its folder says of it.
//
// Classes, domains and files are sorted by the bytes of their names, as torchvision's ImageFolder does, so that class numbers are the same
// everywhere. Every problem is a PluginError(CLB_E_IO) of one sentence that begins with a path.
#pragma once

#include <clb/sdk/dataset.hpp>
#include <map>
#include <string>
#include <vector>

namespace clb {

// Where a data set may lie below its root. `folders` are the names on the way to the files, between '/': as they are written, or
//   {split}   the folders `train` and `test`           {class}    a class
//   {domain}  a domain                                 **         any number of folders that mean nothing, none included
struct TreeLayout {
  std::string what;                            // for people: "as LAMDA-PILOT re-packs it"; "": the only ones there are, not told
  std::string folders;                         // "{split}/{class}", "CUB_200_2011/images/{class}"
  std::string train = "train", test = "test";  // names of the folders {split}
  std::vector<std::string> without{};          // folders in the place of a class or domain that are none

  bool cut() const { return folders.find("{split}") != std::string::npos; }  // into training and test samples
  std::string shown() const;                                                 // "{train,test}/CLASS/FILE"
};

struct TreeFile {
  std::string path;  // below the root
  uint32_t domain = 0, label = 0;
  Split split = Split::kTrain;
};

// A tree that was read. Files are sorted by domain, class and path.
struct ImageTree {
  Path root;
  std::string base;                           // folders below the root that all files share, with a '/' behind; below it lists name files
  std::vector<std::string> domains, classes;  // no domains: there is one without a name
  std::vector<TreeFile> files;
  std::vector<std::string> notes;
};

bool tree_is_there(const Path& root, const TreeLayout& layout);

// The first layout that is there; a root in which none is, is told as what it is. Where the layout cuts, each domain must have both splits,
// and each of them the same classes.
ImageTree read_image_tree(const Path& root, const std::vector<TreeLayout>& layouts);

// Each class must have training and test samples: for trees that were cut by something else than their folders.
void require_both_splits(const ImageTree& tree);

// Cuts by a rule: of the files of each class and domain, in the order of their names, the fifth, tenth, ... are tested.
void cut_every_fifth(ImageTree& tree);

[[noreturn]] void tree_problem(const Path& path, const std::string& problem);

// `"a"`, `"a", "b" and 9 more`: the first few of many. With nouns `the class "a"`, `the classes "a", "b" and 9 more`.
std::string listed(const std::vector<std::string>& names);
std::string listed(const std::vector<std::string>& names, const std::string& one, const std::string& many);

}  // namespace clb
