// Names within archives.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace clb::fetch {

// "a/b/c" of "./a//b/c/": what an entry is called, below the folder. "": that folder itself. Nothing: it is no name below a folder
// (absolute,
// "..", control characters).
std::optional<std::string> inner_name(std::string_view name);

// Where a symbolic link at `name` (an inner name) leads to, as an inner name; nothing when that is outside. A target goes up first and then
// down: "..", behind a name, could go up from where that name, itself a link, leads to.
std::optional<std::string> link_target(std::string_view name, std::string_view target);

}  // namespace clb::fetch
