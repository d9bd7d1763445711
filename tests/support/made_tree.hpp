// Trees of image files as publishers lay them out, and what a data set plugin makes of them. A test of a plugin includes its source before
// this header.
#pragma once

#include <gtest/gtest.h>

#include <clb/sdk/call_dataset.hpp>
#include <map>
#include <string>
#include <vector>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace clb::testing {

// "{train|test}/{dog|cat}/{1..3}.jpg" as all the names that it stands for.
inline std::vector<std::string> expanded(const std::string& pattern) {
  const size_t open = pattern.find('{');
  if (open == std::string::npos) return {pattern};
  const size_t close = pattern.find('}', open);
  std::string inside = pattern.substr(open + 1, close - open - 1);
  if (const size_t dots = inside.find(".."); dots != std::string::npos) {
    std::string numbers;
    for (int i = std::stoi(inside); i <= std::stoi(inside.substr(dots + 2)); ++i)
      numbers += (numbers.empty() ? "" : "|") + std::to_string(i);
    inside = numbers;
  }
  std::vector<std::string> all;
  for (size_t at = 0; at <= inside.size();) {
    const size_t bar = std::min(inside.find('|', at), inside.size());
    for (const std::string& rest : expanded(pattern.substr(close + 1)))
      all.push_back(pattern.substr(0, open) + inside.substr(at, bar - at) + rest);
    at = bar + 1;
  }
  return all;
}

class MadeTree {
 public:
  // Files that begin as JPEG and PNG files do.
  void put(const std::string& pattern) const {
    for (const std::string& name : expanded(pattern)) {
      std::string bytes = name.ends_with(".png") ? "\x89PNG\r\n\x1a\n " : "\xff\xd8\xff\xe0 ";
      write_file(folder_.path() / name, bytes + name);
    }
  }
  void write(const std::string& name, const std::string& text) const { write_file(folder_.path() / name, text); }
  void erase(const std::string& name) const { std::filesystem::remove_all(folder_.path() / name); }
  Path root() const { return folder_.path(); }

  // `text` without the name of the folder.
  std::string shortened(std::string text) const {
    for (size_t at; (at = text.find(root().string() + "/")) != std::string::npos;) text.erase(at, root().string().size() + 1);
    return text;
  }

 private:
  TempFolder folder_;
};

// A plugin that is open on a tree, with parameter split = `split`; "" keeps the default.
class OpenedTree {
 public:
  OpenedTree(const MadeTree& tree, const std::string& split = "") : OpenedTree(tree.root(), split) {}
  explicit OpenedTree(const Path& root, const std::string& split = "") : before_(root.string() + "/") {
    clb_setting setting{sizeof(clb_setting), 0, "split", {CLB_TYPE_CHOICE, 0, {.s = split.c_str()}}};
    plugin_.open(root.string(), split.empty() ? std::vector<clb_setting>{} : std::vector{setting});
  }

  std::vector<std::string> classes() const { return list(plugin_.describe().class_names, plugin_.describe().class_count); }
  std::vector<std::string> readable() const { return list(plugin_.describe().readable_names, plugin_.describe().class_count); }
  std::vector<std::string> domains() const { return list(plugin_.describe().domain_names, plugin_.describe().domain_count); }
  std::vector<std::string> notes() const { return list(plugin_.describe().notes, plugin_.describe().note_count); }
  int64_t count(uint32_t split) const { return plugin_.index(split).count; }
  std::vector<int64_t> labels(uint32_t split) const {
    const clb_index index = plugin_.index(split);
    return {index.labels, index.labels + index.count};
  }
  std::string file(uint32_t split, int64_t i) const {
    const auto samples = plugin_.read(split, std::span(&i, 1));
    return std::string(samples[0].name).substr(before_.size());
  }
  // Every file of the split, in its order.
  std::vector<std::string> files(uint32_t split) const {
    std::vector<std::string> all;
    for (int64_t i = 0; i < count(split); ++i) all.push_back(file(split, i));
    return all;
  }
  // An official order, as names; of domains where `domains` says so.
  std::vector<std::string> order(const std::string& name, bool domains = false) const {
    const clb_dataset_info info = plugin_.describe();
    const clb_order* orders = domains ? info.domain_orders : info.orders;
    std::vector<std::string> names;
    for (uint32_t k = 0; k < (domains ? info.domain_order_count : info.order_count); ++k)
      for (int64_t c = 0; name == orders[k].name && c < (domains ? info.domain_count : info.class_count); ++c)
        names.push_back((domains ? info.domain_names : info.class_names)[orders[k].ids[c]]);
    return names;
  }
  const DatasetPlugin& plugin() const { return plugin_; }

 private:
  static std::vector<std::string> list(const char* const* names, int64_t count) {
    return names == nullptr ? std::vector<std::string>{} : std::vector<std::string>{names, names + count};
  }

  std::string before_;
  clb_host host_ = ErrorSink::minimal_host();
  DatasetPlugin plugin_{clb_dataset_v0(), &host_};
};

// What a tree that must be refused is told, without the name of its folder.
inline std::string refusal(const MadeTree& tree, const std::string& split = "") {
  return tree.shortened(error_of<PluginError>([&] { OpenedTree opened(tree, split); }));
}

// One form of a data set, and what must come of it.
struct TreeCase {
  std::string split;
  std::vector<std::string> put;  // patterns of files
  std::map<std::string, std::string> write;
  std::string layout;  // the note on it begins so, without "layout "
  std::vector<std::string> classes;
  int64_t train, test;
};

inline void expect_read(const TreeCase& wanted) {
  SCOPED_TRACE(wanted.split + ": " + wanted.layout);
  const MadeTree tree;
  for (const std::string& pattern : wanted.put) tree.put(pattern);
  for (const auto& [name, text] : wanted.write) tree.write(name, text);
  const OpenedTree opened(tree, wanted.split);
  const std::vector<std::string> notes = opened.notes();
  ASSERT_GE(notes.size(), 2u);
  EXPECT_EQ(notes[0], "split " + wanted.split);
  EXPECT_TRUE(notes[1].starts_with("layout " + wanted.layout)) << notes[1];
  EXPECT_EQ(opened.classes(), wanted.classes);
  EXPECT_EQ(opened.count(CLB_SPLIT_TRAIN), wanted.train);
  EXPECT_EQ(opened.count(CLB_SPLIT_TEST), wanted.test);
}

}  // namespace clb::testing
