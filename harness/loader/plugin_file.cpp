#include <dlfcn.h>

#include <boost/core/demangle.hpp>
#include <boost/dll/shared_library.hpp>
#include <clb/base/error.hpp>
#include <clb/base/hashed_file.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/loader/plugin_file.hpp>
#include <clb/python/header.hpp>
#include <deque>
#include <map>
#include <mutex>

namespace clb::loader {
namespace {

std::mutex mutex;  // a loader thread that mends the decoded store loads a dataset

std::map<std::string, base::HashedFile>& hashed_files() {
  static auto& files = *new std::map<std::string, base::HashedFile>;
  return files;
}

std::string& python_versions() {
  static auto& versions = *new std::string;
  return versions;
}

base::HashedFile& hashed(const std::string& file) {
  const auto found = hashed_files().find(file);
  return found != hashed_files().end() ? found->second : hashed_files().emplace(file, base::HashedFile(file)).first->second;
}

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

const std::string& plugin_hash(const std::string& file) {
  const std::lock_guard lock(mutex);
  return hashed(file).sha256();
}

std::string plugin_hash(const std::string& file, const std::vector<std::string>& sources) {
  const std::lock_guard lock(mutex);
  std::vector<std::string> hashes;
  for (const std::string& source : sources) hashes.push_back(hashed(source).sha256());
  return base::plugin_identity(hashed(file).sha256(), hashes, python::is_python(file) ? python_versions() : "");
}

void set_python_versions(const std::string& versions) { python_versions() = versions; }

std::string_view plugin_text(const std::string& file) {
  const std::lock_guard lock(mutex);
  base::HashedFile& of_plugin = hashed(file);
  of_plugin.sha256();
  const auto bytes = of_plugin.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void* load_plugin(const std::string& file, const std::string& kind, const char* entry) {
  const std::lock_guard lock(mutex);
  base::HashedFile& hashed_file = hashed(file);
  hashed_file.sha256();
  const auto meta = base::parse_plugin_meta(hashed_file.bytes(), file);
  if (const auto why = base::mismatch(meta, kind, CLB_LIBTORCH_VERSION); !why.empty()) throw base::Error(why);
  boost::dll::fs::error_code error;
  const auto mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;
  static auto& loaded = *new std::deque<boost::dll::shared_library>;  // never destroyed: that would unload
  auto* library = &loaded.emplace_back();
  library->load(file, mode, error);
  if (error) throw base::Error(file + " cannot be loaded: " + linker_words(file));
  // By its path and not by /proc/self/fd, so that $ORIGIN and debuggers find the plugin's neighbours.
  if (!hashed_file.still_in_place() || !hashed_file.unchanged())
    throw base::Error("the plugin " + file + " was replaced while it was loaded; start again");
  if (!library->has(entry)) throw base::Error(file + " does not export " + entry + "; build it with CLB_METHOD or CLB_DATASET");
  return reinterpret_cast<void*>(&library->get<void()>(entry));
}

void expect_plugins_unchanged() {
  const std::lock_guard lock(mutex);
  for (auto& [file, hashed_file] : hashed_files())
    if (!hashed_file.unchanged())
      throw base::Error("somebody wrote into the plugin " + file +
                        " while a run used it; start the run again, and replace plugins by moving " + "a new file into their place");
}

}  // namespace clb::loader
