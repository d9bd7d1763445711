// The header of a method in Python: a block of comments in its file, between "# /// clbench" and "# ///", that is TOML once the "# " is
// taken away (as PEP 723 writes what a script needs). It says what the ELF section and the table say of a method that is a shared library,
// and is read without running Python. docs/python.md lists its keys.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/base/plugin_meta.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace clb::python {

struct Header {
  base::PluginMeta meta;
  base::MethodInfo info;                                 // without `hash`; sources as the header names them
  base::Json validation = base::Json::object();          // values of parameters that `clbench validate` takes for the defaults
  std::map<std::string, std::string> expected_failures;  // check of `clbench validate` -> reason
};

inline constexpr const char* kBlockBegin = "# /// clbench";
inline constexpr const char* kBlockEnd = "# ///";

// Is this file a method in Python, by its name?
bool is_python(const std::filesystem::path& file);
// Does the file hold a header, be it a good one? A module that a method imports holds none.
bool has_header(const std::filesystem::path& file);

// Error "FILE:LINE:COLUMN: ..." says what is missing or wrong and what to do.
Header read_header(const std::filesystem::path& file);
Header parse_header(std::string_view text, const std::filesystem::path& file);

// Paths of the further files that belong to the plugin, those that are relative being beside it. Error when one is missing.
std::vector<std::string> source_paths(const Header& header);

// What is known of a plugin file without loading it, in whichever language it is written.
base::PluginMeta read_meta(const std::filesystem::path& file);

}  // namespace clb::python
