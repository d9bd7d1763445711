#include "experiment.hpp"

#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <clb/launch/stop.hpp>
#include <cstdio>
#include <filesystem>

#include "installation.hpp"
#include "machine.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

plan::Plan plan_experiment(const std::string& name, const Options& options, InstalledCatalogue& catalogue, const PlanFor& what) {
  const OtherMachine machine = what.elsewhere.value_or(OtherMachine{usable_cores(), !this_machine().gpu.empty()});
  plan::PlanOptions wanted{name == "-" ? "/dev/stdin" : name, options.texts("set"), base::share(), machine.cores, what.missing_ok,
                           weights_folders(options),          data_folders(options)};
  wanted.elsewhere = what.elsewhere.has_value();
  wanted.bf16_form = bf16_form();
  wanted.has_card = machine.has_card;
  std::error_code error;
  if (!fs::exists(wanted.experiment, error) && !name.ends_with(".toml")) {
    if (name.find('/') == std::string::npos) {
      throw base::Error(fmt::format("{}: there is no such file; give an experiment (FILE.toml) or METHOD/PRESET", name));
    }
    wanted = plan::preset_options(name, wanted);
  }
  plan::Plan plan = plan::make_plan(wanted, catalogue);
  launch::expect_not_put_off();  // a plan that may lack something takes a question that was cut short for one
  for (const std::string& note : plan.notes) say(stderr, "clbench: {}\n", note);
  for (const std::string& warning : plan.warnings) say(stderr, "clbench: warning: {}\n", warning);
  return plan;
}

}  // namespace clb::cli
