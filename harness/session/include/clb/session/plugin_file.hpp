// Loads a plugin file with Boost.DLL: metadata first, then RTLD_NOW | RTLD_LOCAL; never unloaded, because unloading LibTorch code crashes.
#pragma once

#include <string>

namespace clb::session {

// Address of the entry function. Error (user's mistake) names the field of the metadata that does not fit, or what the dynamic loader said.
void* load_plugin(const std::string& file, const std::string& kind, const char* entry);

}  // namespace clb::session
