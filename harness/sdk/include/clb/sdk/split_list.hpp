// Lists of image files: which of a tree are trained on and which are tested, and where images lie flat, which class each has.
//
// Paths in lists are foreign: an absolute one, one that leaves its folder, one with a NUL or a backslash, a name that is too long, and a
// file that is listed twice are refused with file and line. Every problem is a PluginError(CLB_E_IO).
#pragma once

#include <clb/sdk/image_tree.hpp>
#include <memory>
#include <span>

namespace clb {

struct ListedFile {
  std::string path;  // below ImageTree::base
  Split split = Split::kTrain;
  std::string label{};                 // the class's name, where folders do not say it
  std::shared_ptr<const Path> list{};  // that names it, for messages
  size_t line = 0;
};

// One path a line: plain, gzip or xz. kPath: a number behind the path of an image is a label, and left off. kPathLabel: behind the last
// space stands a label. kTabs: columns between tabs, the path and the label first. Blanks around a line, blank lines, the ends of lines of
// Windows and a byte-order mark are no part of a path.
enum class ListColumns { kPath, kPathLabel, kTabs };
std::vector<ListedFile> read_list(const Path& file, Split split, ListColumns columns = ListColumns::kPath);

// The paths in `data` of a YAML file, as CODA-Prompt publishes its lists.
std::vector<ListedFile> read_yaml_list(const Path& file, Split split);

// Where a list has the path in another column: what read_list checks.
void require_good_paths(std::span<const ListedFile> files);

// Lists that belong together.
struct SplitLists {
  std::vector<ListedFile> files;
  std::string missing;  // the first of them that is not there, by its name below the root; "": all are
  bool begun = false;   // some are there
};

// For each domain of a tree the list DOMAIN + `train` and DOMAIN + `test` in the root or its folder splits, "PATH LABEL" a line.
SplitLists lists_of_domains(const ImageTree& tree, const std::string& train, const std::string& test);

// Two YAML files by their names below the root.
SplitLists yaml_lists(const ImageTree& tree, const std::string& train, const std::string& test);

// The lists splits/ID_SPLIT_{train,test}.txt below a data set's folder.
SplitLists plain_lists(const Path& root, const std::string& id, const std::string& split);
bool plain_lists_are_there(const Path& root, const std::string& id, const std::string& split);

// The file that is there: FILE, FILE.gz or FILE.xz; empty: none.
Path packed_there(const Path& file);

// Cuts a tree. Each listed file must be there, and may have more folders before its path in the tree ("data/imagenet-r/CLASS/FILE"), which
// is told; files in no list are left out, counted and told.
void cut_by_lists(ImageTree& tree, std::span<const ListedFile> listed);

// A tree of the listed files alone, whose classes are their labels; `base` as in ImageTree. Each file must be there.
ImageTree tree_of_lists(const Path& root, const std::string& base, std::span<const ListedFile> listed);

}  // namespace clb
