// Parts of an experiment that are given by name: dataset = "cub200", weights.main = "deit-tiny", protocol = "survey", method = "layup/cub".
// What a name stands for lies in share (datasets, protocols, presets) and in the folders of weights; keys beside a name win over it.
#pragma once

#include <filesystem>

#include "toml.hpp"

namespace clb::plan {

// Writes each name given in place of a table as one: { name = "cub200" }, for a method { id = "layup", preset = "cub" }. Before overrides,
// so that --set dataset.root=DIR finds a table, and after them, since --set dataset=cub200 is a name too.
void spell_out(Node& root);

// Puts in what the names of data set and protocol stand for: the plugin of a known data set, the keys of share/protocols/NAME.toml.
void fill_in(Node& root, const std::filesystem::path& share);

// A data set given by name or as a table, at another place than [dataset], as the table that it stands for. `what`: of sentences.
Node named_dataset(Node node, const std::string& what, const std::filesystem::path& share);

}  // namespace clb::plan
