// clbench new: writes the project of a plugin outside this tree from folders of share/clbench/templates. Every file there is a mustache
// template, its name included: {{name}} is the plugin's id, {{class}} its class.
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <clb/base/paths.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/base/temporary.hpp>
#include <kainjow/mustache.hpp>

#include "installation.hpp"
#include "options.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
namespace mustache = kainjow::mustache;
using base::Error;
using base::Json;

namespace {

constexpr VerbText kNew{"new", "method|dataset NAME", "write the project of a new plugin, ready to build and test",
                        "clbench new method my_method"};

// my_method -> MyMethod
std::string class_name(const std::string& name) {
  std::string result;
  bool upper = true;
  for (const char c : name) {
    if (c != '_') result += upper && c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = c == '_';
  }
  return result;
}

std::string render(const std::string& text, const mustache::data& values, const fs::path& file) {
  mustache::mustache parsed(text);
  parsed.set_custom_escape([](const std::string& plain) { return plain; });  // the files are no HTML
  std::string result = parsed.render(values);
  if (!parsed.is_valid()) throw Error(fmt::format("{}: {}", file.string(), parsed.error_message()), base::Exit::kInternal);
  return result;
}

// A folder under a temporary name beside `target`: it becomes `target` as a whole or goes without a trace.
class NewFolder {
 public:
  explicit NewFolder(fs::path target) : target_(std::move(target)), temporary_(base::temporary_folder_beside(target_)) {}
  ~NewFolder() {
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  const fs::path& path() const { return temporary_; }
  void keep() {
    std::error_code error;
    fs::rename(temporary_, target_, error);
    if (error) throw Error(fmt::format("{}: cannot be created: {}", target_.string(), error.message()));
  }

 private:
  fs::path target_, temporary_;
};

// What a project is made of: the language and, of a method, what methods in each have.
std::vector<fs::path> template_folders(const std::string& kind, bool python) {
  std::vector<fs::path> folders{base::share() / "templates" / (kind + (python ? "_python" : ""))};
  if (kind == "method") folders.push_back(base::share() / "templates" / "any_method");
  std::error_code error;
  for (const fs::path& folder : folders)
    if (!fs::is_directory(folder, error)) throw Error(fmt::format("{}: the templates are missing; install clbench again", folder.string()));
  return folders;
}

// Returns the names of the files, sorted.
std::vector<std::string> write_project(const std::vector<fs::path>& templates, const std::string& name, const fs::path& target) {
  mustache::data values;
  values.set("name", name);
  values.set("class", class_name(name));
  std::vector<std::string> files;
  NewFolder folder(target);
  for (const fs::path& of : templates) {
    for (const fs::directory_entry& entry : fs::directory_iterator(of)) {
      if (entry.path().extension() != ".mustache") continue;
      files.push_back(render(entry.path().stem(), values, entry.path()));
      base::write_file_atomic(folder.path() / files.back(), render(base::read_file(entry.path()), values, entry.path()));
    }
  }
  folder.keep();
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> next_commands_in_python(const std::string& name, const std::string& folder) {
  const std::string clbench = quoted(invoked().string());
  return {"cd " + quoted(folder), clbench + " list methods --plugin-path .", clbench + " run experiment.toml --plugin-path .",
          clbench + " validate " + name + ".py"};
}

std::vector<std::string> next_commands(const std::string& kind, const std::string& folder) {
  const std::string command = quoted(invoked().string()), plugins = "--plugin-path build/lib/clbench/" + kind + "s";
  return {
      "cd " + quoted(folder),
      "cmake -B build -DCMAKE_PREFIX_PATH=" + quoted(base::prefix().string()),
      "cmake --build build",
      "ctest --test-dir build",
      command + " list " + kind + "s " + plugins,
      command + " run experiment.toml " + plugins + (kind == "dataset" ? "   # with its files in data/" : ""),
  };
}

}  // namespace

int verb_new(const Arguments& arguments) {
  Options options(kNew);
  options.add()("out", po::value<std::string>()->value_name("DIR"), "folder to write; it must not exist yet; default: ./NAME");
  options.add()("python", "a method in Python in place of C++: nothing is to be built");
  options.add_json();
  if (!options.parse(arguments, 2, 2)) return 0;
  const std::string &kind = options.words()[0], &name = options.words()[1];
  if (kind != "method" && kind != "dataset") {
    throw Error(fmt::format("new: there is no template of a '{}'; it is method or dataset", kind));
  }
  const bool python = options.flag("python");
  if (python && kind != "method") throw Error("new: a dataset is written in C++; leave --python out");
  if (!base::is_plugin_id(name)) {
    throw Error(
        fmt::format("new: '{}' is no name of a plugin; it must look like [a-z][a-z0-9_]* and be short, for example my_{}", name, kind));
  }
  const std::string out = options.flag("out") ? options.text("out") : name;
  fs::path target = fs::absolute(out).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();  // DIR/
  std::error_code error;
  if (fs::exists(fs::symlink_status(target, error))) {
    throw Error(fmt::format("new: {} exists; remove it, or give another folder with --out DIR", target.string()));
  }
  if (!fs::is_directory(target.parent_path(), error)) {
    throw Error(fmt::format("new: there is no folder {} to write into", target.parent_path().string()));
  }

  const std::vector<std::string> files = write_project(template_folders(kind, python), name, target);
  const std::vector<std::string> commands = python ? next_commands_in_python(name, out) : next_commands(kind, out);
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(Json{{"kind", kind}, {"name", name}, {"folder", target}, {"files", files}, {"next", commands}}));
    return 0;
  }
  say("{} holds a {}{} that works: {}\n\nnext:\n", out, kind, python ? " in Python" : "", joined(files, " "));
  for (const std::string& command : commands) say("  {}\n", command);
  return 0;
}

}  // namespace clb::cli
