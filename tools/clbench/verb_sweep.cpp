// clbench sweep: many runs on a cluster. Finds the part of the verb that was asked for.
#include <fmt/format.h>

#include <array>
#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>

#include "sweep.hpp"

namespace clb::cli {

namespace {

struct Part {
  const char* name;
  const char* about;
  int (*run)(const Arguments&);
};

constexpr std::array kParts{
    Part{"plan", "resolve an experiment once into a folder: runs, jobs, scripts; starts nothing", sweep_plan},
    Part{"submit", "hand it to Slurm: shared features first, then the runs, then the merge", sweep_submit},
    Part{"status", "done, running, failed and missing runs; time left; what the scheduler says", sweep_status},
    Part{"retry", "submit again what failed or is missing", sweep_retry},
    Part{"cancel", "take its jobs out of the queue", sweep_cancel},
    Part{"run", "carry out one slot, without Slurm too: what a job does", sweep_run},
};

void print_parts() {
  fmt::print(
      "clbench sweep: many runs as jobs of a cluster, planned once into a folder (docs/cluster.md)\n\n"
      "usage: clbench sweep PART [options]      clbench sweep PART --help explains one\n\n");
  for (const Part& part : kParts) fmt::print("  {:<7} {}\n", part.name, part.about);
  fmt::print(
      "\nexample: clbench sweep plan small.toml --dir sweep --time 4h && clbench sweep submit sweep && clbench sweep status sweep\n");
}

}  // namespace

int verb_sweep(const Arguments& arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h") {
    print_parts();
    return arguments.empty() ? static_cast<int>(base::Exit::kUserMistake) : 0;
  }
  std::vector<std::string> names;
  for (const Part& part : kParts) {
    if (arguments[0] == part.name) return part.run({arguments.begin() + 1, arguments.end()});
    names.push_back(part.name);
  }
  const std::string near = base::nearest(arguments[0], names);
  throw base::Error(fmt::format("sweep: '{}' is none of {}{}", arguments[0], fmt::join(names, ", "),
                                near.empty() ? "; `clbench sweep --help` explains them" : fmt::format("; did you mean '{}'?", near)));
}

}  // namespace clb::cli
