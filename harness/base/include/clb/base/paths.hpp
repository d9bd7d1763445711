// Where things are: this program, the installed prefix (or the build tree), the shared files, the cache.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace clb::base {

namespace fs = std::filesystem;

fs::path executable();                                         // where this program lies
fs::path code_file();                                          // the program or library that this code is in
inline constexpr const char* kThisProgram = "/proc/self/exe";  // the file that runs, also when another one came into its place
// The folder above bin/ that holds this program; the build tree has the same layout (bin, lib/clbench/{methods,datasets}, share/clbench).
fs::path prefix();
fs::path share();  // <prefix>/share/clbench

// --cache DIR (flag), CLB_CACHE, $XDG_CACHE_HOME/clbench, ~/.cache/clbench; nullopt when the flag or CLB_CACHE is "off".
std::optional<fs::path> cache_dir(const std::string& flag);

// CLB_CACHE_SHARED: a second cache, which is only read: what others have computed is found there before it is computed again.
std::optional<fs::path> shared_cache_dir();

// The folders of a flag that may be given several times, then those of an environment variable (colon-separated), as absolute paths.
std::vector<fs::path> listed_folders(const std::vector<std::string>& flags, const char* variable);

// $XDG_DATA_HOME/clbench/KIND, ~/.local/share/clbench/KIND; nullopt where neither variable is set.
std::optional<fs::path> user_data(const std::string& kind);

// --plugin-path folders, then those of CLB_PLUGIN_PATH (colon-separated), then <prefix>/lib/clbench/{methods,datasets}.
std::vector<fs::path> plugin_folders(const std::vector<std::string>& flags);

}  // namespace clb::base
