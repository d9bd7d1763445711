// What a folder holds, by the names and types that it lists: of thousands of files none is opened or examined, and a link alone is asked
// for what it leads to.
#pragma once

#include <string>
#include <system_error>
#include <vector>

namespace clb::base {

struct Listed {
  enum class Kind { kFolder, kFile, kOther };  // other: broken links, sockets
  std::string name;
  Kind kind = Kind::kOther;
};

// In byte order of the names; what could be listed where `error` says why the rest could not.
std::vector<Listed> list_folder(const std::string& folder, std::error_code& error);

}  // namespace clb::base
