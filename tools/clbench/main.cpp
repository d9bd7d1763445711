// clbench: the command. Finds the verb, turns errors into one sentence and an exit code.
#include <fmt/format.h>

#include <array>
#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>
#include <clb/base/streams.hpp>
#include <cstdio>
#include <filesystem>
#include <new>

#include "build_id.hpp"
#include "say.hpp"
#include "verbs.hpp"

namespace {

using clb::cli::Arguments;

struct Verb {
  const char* name;
  const char* about;
  int (*run)(const Arguments&);
};

constexpr std::array kVerbs{
    Verb{"demo", "a few methods on Fashion-MNIST, then a table and a page", clb::cli::verb_demo},
    Verb{"run", "run an experiment: all runs of its matrix that are not finished yet", clb::cli::verb_run},
    Verb{"resume", "go on with the unfinished runs of a database", clb::cli::verb_resume},
    Verb{"sweep", "many runs as jobs of a cluster: plan, submit, status, retry, cancel, run", clb::cli::verb_sweep},
    Verb{"list", "what is installed: methods, datasets, presets", clb::cli::verb_list},
    Verb{"info", "one plugin: parameters, capabilities, paper; classes, splits, licence", clb::cli::verb_info},
    Verb{"status", "the runs of a database and how they ended", clb::cli::verb_status},
    Verb{"tasks", "class order and tasks of an experiment, as data", clb::cli::verb_tasks},
    Verb{"evaluate", "evaluate a kept state again, without training", clb::cli::verb_evaluate},
    Verb{"table", "results as a table", clb::cli::verb_table},
    Verb{"compare", "two methods, presets, commits or databases, run by run", clb::cli::verb_compare},
    Verb{"gate", "did results, speed or memory change: yes, no, cannot tell", clb::cli::verb_gate},
    Verb{"history", "a series of runs over commits, with change points", clb::cli::verb_history},
    Verb{"leaderboard", "results as a static site for a browser", clb::cli::verb_leaderboard},
    Verb{"reproduce", "run a published setting and judge it against the published number", clb::cli::verb_reproduce},
    Verb{"audit", "recount every stored count; check keys and checksums", clb::cli::verb_audit},
    Verb{"export", "runs, counts, metrics and predictions as CSV or JSON", clb::cli::verb_export},
    Verb{"import", "take rows measured elsewhere, marked as such", clb::cli::verb_import},
    Verb{"merge", "unite results files of many machines", clb::cli::verb_merge},
    Verb{"validate", "check a plugin: life cycle, state, leaks, claims", clb::cli::verb_validate},
    Verb{"data", "data sets and weights by name: what is here, and fetching the rest", clb::cli::verb_data},
    Verb{"cache", "list or prune what the cache keeps", clb::cli::verb_cache},
    Verb{"new", "write the project of a new plugin, ready to build and test", clb::cli::verb_new},
    Verb{"doctor", "check this installation and say what to do", clb::cli::verb_doctor},
};

void print_help() {
  fmt::print(
      "clbench: a benchmark harness for continual learning with pre-trained models\n\n"
      "usage: clbench VERB [options]      clbench VERB --help explains one verb\n\n");
  for (const Verb& verb : kVerbs) fmt::print("  {:<11} {}\n", verb.name, verb.about);
  fmt::print(
      "\n  --help, --version\n\n"
      "exit codes: 0 good; 1 a run failed, or something differs; 2 your mistake; 3 our mistake; 4 cannot tell;\n"
      "            75 stopped by SIGUSR1, SIGUSR2 or SIGTERM with work left: `clbench resume` goes on\n\n"
      "example: clbench run small.toml\n");
}

int dispatch(const Arguments& words) {
  if (words.empty()) {
    print_help();
    return 2;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help();
    return 0;
  }
  if (words[0] == "--version") {
    fmt::print("clbench {} (commit {}, {})\n", clb::cli::kVersion, clb::cli::kCommit, clb::cli::kCompiler);
    return 0;
  }
  std::vector<std::string> names;
  for (const Verb& verb : kVerbs) {
    if (words[0] == verb.name) return verb.run({words.begin() + 1, words.end()});
    names.push_back(verb.name);
  }
  if (words[0].starts_with('-')) {
    throw clb::base::Error(fmt::format("unknown option {} before the verb; `clbench --help` lists the verbs", words[0]));
  }
  const std::string near = clb::base::nearest(words[0], names);
  throw clb::base::Error(fmt::format("there is no verb '{}'; {}", words[0],
                                     near.empty() ? "`clbench --help` lists the verbs" : fmt::format("did you mean '{}'?", near)));
}

}  // namespace

int main(int argc, char** argv) {
  clb::base::guard_streams();
  try {
    const int code = dispatch({argv + 1, argv + argc});
    if (code != static_cast<int>(clb::base::Exit::kUserMistake)) clb::base::finish_output();
    return code;
  } catch (const clb::base::Error& error) {
    clb::cli::say(stderr, "clbench: {}\n", error.what());
    return static_cast<int>(error.exit());
  } catch (const std::filesystem::filesystem_error& error) {
    clb::cli::say(stderr, "clbench: {}: {}\n", error.path1().string(), error.code().message());
    return static_cast<int>(clb::base::Exit::kUserMistake);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "clbench: out of memory; close other programs, or raise the limit (ulimit -v, the container's)\n");
    return static_cast<int>(clb::base::Exit::kUserMistake);
  } catch (const std::exception& error) {
    clb::cli::say(stderr, "clbench: internal error: {}\n", error.what());
    return static_cast<int>(clb::base::Exit::kInternal);
  }
}
