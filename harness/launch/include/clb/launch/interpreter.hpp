// The Python that runs methods in Python, and how a runner is started for such a method.
#pragma once

#include <clb/launch/spawn.hpp>
#include <filesystem>
#include <string>

namespace clb::launch {

struct Interpreter {
  std::filesystem::path program;  // as Python itself names it: no shim of a version manager
  std::string torch;              // its version, "2.11.0+cpu"
  std::string versions;           // that belong to a plugin's hash: "Python 3.11.2, torch 2.11.0, numpy 2.4.1"
};

// CLB_PYTHON, else the activated environment's (VIRTUAL_ENV, CONDA_PREFIX), else python3 of PATH. It is asked once in the life of this
// process. Error: there is none, or it has no usable torch.
const Interpreter& interpreter(const RunnerPlace& place);

// Where the runner for this plugin is: of a method in Python that Python, with the program of tools/python as its first argument.
RunnerPlace runner_for(const RunnerPlace& place, const std::filesystem::path& plugin);

}  // namespace clb::launch
