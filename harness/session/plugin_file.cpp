#include <dlfcn.h>
#include <torch/version.h>

#include <boost/core/demangle.hpp>
#include <boost/dll/shared_library.hpp>
#include <clb/base/error.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/session/plugin_file.hpp>
#include <deque>

namespace clb::session {
namespace {

// Why the dynamic linker refused `file`. Boost.DLL would say "Bad file descriptor", whatever the reason was.
std::string linker_words(const std::string& file) {
  const char* said = dlerror();
  if (said == nullptr) return "the dynamic linker gives no reason";
  std::string text = said;
  if (text.starts_with(file + ": ")) text.erase(0, file.size() + 2);
  constexpr std::string_view kUndefined = "undefined symbol: ";
  const size_t at = text.find(kUndefined);
  if (at == std::string::npos) return text;
  const size_t begin = at + kUndefined.size(), end = std::min(text.find_first_of(" ,\t", begin), text.size());
  text.replace(begin, end - begin, boost::core::demangle(text.substr(begin, end - begin).c_str()));
  return text + "; link the plugin with the library that defines it, which -Wl,-z,defs demands when it is built";
}

}  // namespace

void* load_plugin(const std::string& file, const std::string& kind, const char* entry) {
  if (const auto why = base::mismatch(base::read_plugin_meta(file), kind, TORCH_VERSION); !why.empty()) throw base::Error(why);
  boost::dll::fs::error_code error;
  const auto mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;
  static auto& loaded = *new std::deque<boost::dll::shared_library>;  // never destroyed: that would unload
  auto* library = &loaded.emplace_back();
  library->load(file, mode, error);
  if (error) throw base::Error(file + " cannot be loaded: " + linker_words(file));
  if (!library->has(entry)) throw base::Error(file + " does not export " + entry + "; build it with CLB_METHOD or CLB_DATASET");
  return reinterpret_cast<void*>(&library->get<void()>(entry));
}

}  // namespace clb::session
