#include <clb/launch/interpreter.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <clb/base/error.hpp>
#include <clb/base/json.hpp>
#include <clb/base/json_at.hpp>
#include <clb/base/text.hpp>
#include <clb/launch/lines.hpp>
#include <clb/python/header.hpp>
#include <cstdlib>
#include <sstream>

namespace clb::launch {

namespace fs = std::filesystem;
using base::Error;

namespace {

constexpr double kAnswerTimeout = 60;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool is_program(const fs::path& file) {
  std::error_code error;
  return fs::is_regular_file(file, error) && access(file.c_str(), X_OK) == 0;
}

// A name without a slash is looked for in PATH, as a shell does. Empty: it is not there.
fs::path found(const std::string& name) {
  if (name.find('/') != std::string::npos) return is_program(name) ? fs::absolute(name) : fs::path();
  std::istringstream folders(variable("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const fs::path file = fs::path(folder) / name; !folder.empty() && is_program(file)) return fs::absolute(file);
  return {};
}

fs::path chosen() {
  if (const std::string given = variable("CLB_PYTHON"); !given.empty()) {
    if (const fs::path file = found(given); !file.empty()) return file;
    throw Error(fmt::format("CLB_PYTHON is \"{}\", which is no program; name a Python 3 that has torch 2.11", given));
  }
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"})
    if (const fs::path file = fs::path(variable(name)) / "bin" / "python3"; !variable(name).empty() && is_program(file)) return file;
  if (const fs::path file = found("python3"); !file.empty()) return file;
  throw Error("there is no python3 in PATH to run a method in Python with; set CLB_PYTHON to one that has torch 2.11");
}

std::string why(const Captured& ended) {
  if (ended.timed_out) return "it gave no answer in time";
  const std::string said = base::printable(last_line(ended.err));
  return said.empty() ? "it is no Python, because it was asked for its versions and said nothing" : said;
}

Interpreter ask(const RunnerPlace& place) {
  const fs::path program = chosen();
  RunnerPlace asked = place;
  asked.program = program;
  asked.first = {"-B", place.python.string()};
  const Captured ended = capture(to_start(asked, {"versions"}), kAnswerTimeout);
  const base::Json answer = base::Json::parse(ended.out, nullptr, false);
  if (ended.exit_code != 0 || !answer.is_object())
    throw Error(fmt::format("{} cannot run methods in Python: {}; CLB_PYTHON names another Python", program.string(), why(ended)));
  return {base::text_at(answer, "/executable"), base::text_at(answer, "/torch"), base::text_at(answer, "/versions")};
}

}  // namespace

const Interpreter& interpreter(const RunnerPlace& place) {
  static const Interpreter once = ask(place);
  return once;
}

RunnerPlace runner_for(const RunnerPlace& place, const fs::path& plugin) {
  if (!python::is_python(plugin)) return place;
  RunnerPlace runner = place;
  runner.program = interpreter(place).program;
  runner.first = {"-u", "-B", place.python.string()};  // what it prints arrives at once; no bytecode is left beside modules
  return runner;
}

}  // namespace clb::launch
