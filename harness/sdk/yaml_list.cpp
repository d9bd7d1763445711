// Lists of splits as CODA-Prompt publishes them: a YAML map whose `data` are paths.
#include <yaml.h>

#include <clb/sdk/packed_file.hpp>
#include <clb/sdk/split_list.hpp>

#include "list_path.hpp"

namespace clb {

namespace {

class Events {
 public:
  Events(const Path& file, const std::vector<uint8_t>& bytes) : file_(file) {
    if (yaml_parser_initialize(&parser_) == 0) throw PluginError(CLB_E_NO_MEMORY, "out of memory");
    yaml_parser_set_input_string(&parser_, bytes.data(), bytes.size());
  }
  ~Events() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }
  Events(const Events&) = delete;

  yaml_event_type_t next() {
    yaml_event_delete(&event_);
    if (yaml_parser_parse(&parser_, &event_) == 0) {
      tree_problem(file_.string() + ":" + std::to_string(parser_.problem_mark.line + 1),
                   "is no YAML (" + std::string(parser_.problem != nullptr ? parser_.problem : "damaged") + ")");
    }
    return event_.type;
  }
  std::string text() const { return {reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length}; }
  size_t line() const { return event_.start_mark.line + 1; }

 private:
  const Path& file_;
  yaml_parser_t parser_{};
  yaml_event_t event_{};
};

// Up to the first path of the list `data`. Nothing else of the file has a list before it whose elements are "data".
bool find_data(Events& events) {
  for (yaml_event_type_t type = events.next(); type != YAML_STREAM_END_EVENT; type = events.next())
    if (type == YAML_SCALAR_EVENT && events.text() == "data") return events.next() == YAML_SEQUENCE_START_EVENT;
  return false;
}

}  // namespace

std::vector<ListedFile> read_yaml_list(const Path& file, Split split) {
  constexpr uint64_t kMaxYaml = 64 << 20;
  const std::vector<uint8_t> bytes = read_packed(file, kMaxYaml);
  const auto list = std::make_shared<const Path>(packed_there(file));
  std::vector<ListedFile> files;
  Events events(file, bytes);
  if (!find_data(events)) tree_problem(file, "has no list \"data\" of paths");
  for (yaml_event_type_t type = events.next(); type != YAML_SEQUENCE_END_EVENT; type = events.next()) {
    const std::string where = file.string() + ":" + std::to_string(events.line());
    if (type != YAML_SCALAR_EVENT) tree_problem(where, "is no path in a list of paths");
    ListedFile one{.path = events.text(), .split = split, .list = list, .line = events.line()};
    if (const std::string fault = tree::path_fault(one.path); !fault.empty()) tree_problem(where, "the path " + fault);
    files.push_back(std::move(one));
  }
  if (files.empty()) tree_problem(file, "lists no files");
  return files;
}

SplitLists yaml_lists(const ImageTree& tree, const std::string& train, const std::string& test) {
  SplitLists lists;
  for (const Split split : kSplits) {
    const std::string& name = split == Split::kTrain ? train : test;
    const bool there = !packed_there(tree.root / name).empty();
    if (there) lists.begun = true;
    if (!there && lists.missing.empty()) lists.missing = name;
    if (!lists.missing.empty()) continue;
    for (ListedFile& file : read_yaml_list(tree.root / name, split)) lists.files.push_back(std::move(file));
  }
  return lists;
}

}  // namespace clb
