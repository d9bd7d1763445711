#include <torch/version.h>

#include <boost/dll/shared_library.hpp>
#include <clb/base/error.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/session/plugin_file.hpp>
#include <deque>

namespace clb::session {

void* load_plugin(const std::string& file, const std::string& kind, const char* entry) {
  if (const auto why = base::mismatch(base::read_plugin_meta(file), kind, TORCH_VERSION); !why.empty()) throw base::Error(why);
  boost::dll::fs::error_code error;
  const auto mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;
  static auto& loaded = *new std::deque<boost::dll::shared_library>;  // never destroyed: that would unload
  auto* library = &loaded.emplace_back();
  library->load(file, mode, error);
  if (error) throw base::Error(file + " cannot be loaded: " + error.message());
  if (!library->has(entry)) throw base::Error(file + " does not export " + entry + "; build it with CLB_METHOD or CLB_DATASET");
  return reinterpret_cast<void*>(&library->get<void()>(entry));
}

}  // namespace clb::session
