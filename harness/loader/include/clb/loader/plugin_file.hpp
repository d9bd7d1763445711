// Loads a plugin file with Boost.DLL: metadata first, then RTLD_NOW | RTLD_LOCAL; never unloaded, because unloading LibTorch code crashes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clb::loader {

// SHA-256 of a plugin file in hex, computed at the first call: of the very file that load_plugin loads.
const std::string& plugin_hash(const std::string& file);
// The same with further files whose contents belong to the plugin, and of a method in Python with what set_python_versions was told
// (base::plugin_identity).
std::string plugin_hash(const std::string& file, const std::vector<std::string>& sources);
// Versions of the Python that runs this process; before anything is hashed.
void set_python_versions(const std::string& versions);

// The text of a method in Python, or of a source of it: the very bytes that are hashed.
std::string_view plugin_text(const std::string& file);

// Address of the entry function. Error (user's mistake) names the field of the metadata that does not fit, what the dynamic loader said, or
// says that another file came in the place of the one that was hashed.
void* load_plugin(const std::string& file, const std::string& kind, const char* entry);

// Error when somebody wrote into a file after it was hashed: what runs is mapped from it.
void expect_plugins_unchanged();

}  // namespace clb::loader
