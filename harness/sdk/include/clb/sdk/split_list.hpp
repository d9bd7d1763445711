// Lists of image files: which of a tree are trained on and which are tested, and where images lie flat, which class each has.
//
// Paths in lists are foreign: an absolute one, one that leaves its folder, one with a NUL, a name that is too long, and a file that is
// listed twice are refused with file and line. Every problem is a PluginError(CLB_E_IO).
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

// One path a line: plain, gzip or xz. kPathLabel: behind the last space stands a label. kTabs: columns between tabs, the path and the label
// first.
enum class ListColumns { kPath, kPathLabel, kTabs };
std::vector<ListedFile> read_list(const Path& file, Split split, ListColumns columns = ListColumns::kPath);

// The paths in `data` of a YAML file, as CODA-Prompt publishes its lists. What stands before and in `below` is left off each.
std::vector<ListedFile> read_yaml_list(const Path& file, Split split, const std::string& below);

// Where a list has the path in another column: what read_list checks.
void require_good_paths(std::span<const ListedFile> files);

// For each domain of a tree the list DOMAIN + `train` and DOMAIN + `test` in the root or its folder splits, "PATH LABEL" a line, paths
// below ImageTree::base. None when some are missing.
std::vector<ListedFile> lists_of_domains(const ImageTree& tree, const std::string& train, const std::string& test);

// A file is there plain, or as .gz or .xz.
bool packed_is_there(const Path& file);

// The lists splits/ID_SPLIT_{train,test}.txt below a data set's folder. `get`: how to come by them, for the sentence when they are missing.
std::vector<ListedFile> read_split_lists(const Path& root, const std::string& id, const std::string& split, const std::string& get);
bool split_lists_are_there(const Path& root, const std::string& id, const std::string& split);

// Cuts a tree. Each listed file must be there; files in no list are left out, counted and told.
void cut_by_lists(ImageTree& tree, std::span<const ListedFile> listed);

// A tree of the listed files alone, whose classes are their labels; `base` as in ImageTree. Each file must be there.
ImageTree tree_of_lists(const Path& root, const std::string& base, std::span<const ListedFile> listed);

}  // namespace clb
