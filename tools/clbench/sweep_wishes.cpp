#include "sweep_wishes.hpp"

#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/launch/human.hpp>
#include <clb/sweep/script.hpp>

namespace clb::cli {

namespace {

constexpr double kLeastTime = 300;  // of a job: the notice before its end takes most of less

constexpr VerbText kSweepPlan{"sweep plan", "EXPERIMENT.toml|METHOD/PRESET",
                              "resolve an experiment once into a folder: runs, jobs, scripts; starts nothing",
                              "clbench sweep plan small.toml --dir sweep --time 4h --jobs-max 50 --sbatch \"--account=abc --mem=16G\""};

double duration(const Options& options, const char* name) {
  try {
    return launch::parse_seconds(options.text(name));
  } catch (const base::Error& error) {
    throw base::Error(fmt::format("sweep plan: --{}: {}", name, error.what()));
  }
}

sweep::JobOptions read_job(const Options& options) {
  sweep::JobOptions job;
  job.time_s = duration(options, "time");
  if (job.time_s < kLeastTime)
    throw base::Error(fmt::format("sweep plan: --time {} is too little: a job is told to stop {} s before its end; give at least 5m",
                                  options.text("time"), sweep::kNoticeSeconds));
  job.gpus = *options.number("gpus", 0);
  job.partition = options.text("partition");
  if (job.partition.find_first_of(" \t\r\n#") != std::string::npos)
    throw base::Error(fmt::format("sweep plan: --partition '{}' is no name of a partition; `sinfo` lists them", job.partition));
  if (options.flag("sbatch")) job.sbatch = sweep::parse_sbatch(options.text("sbatch"));
  return job;
}

}  // namespace

Options sweep_plan_options() {
  Options options(kSweepPlan);
  options.add()("dir", po::value<std::string>()->value_name("DIR")->default_value("sweep"),
                "folder of the sweep; it must not be there yet");
  options.add()("time", po::value<std::string>()->value_name("TIME")->default_value("4h"),
                "time limit of a job; what is not done by then goes on in the next");
  options.add()("jobs-max", po::value<std::string>()->value_name("N")->default_value("100"), "jobs at most: short runs share one");
  options.add()("at-once", po::value<std::string>()->value_name("N"), "jobs that run at the same time at most; default all");
  options.add()("cpus", po::value<std::string>()->value_name("N"),
                "cores of a job, and threads of a run where the experiment does not say (run.threads); default run.threads, else up to 4");
  options.add()("gpus", po::value<std::string>()->value_name("N")->default_value("0"), "cards of a job; each run that is on has one");
  options.add()("partition", po::value<std::string>()->value_name("NAME"), "partition of the jobs");
  options.add()("sbatch", po::value<std::string>()->value_name("OPTIONS"),
                "more options of sbatch for all jobs, for example \"--account=abc --mem=16G\"");
  options.add()("db", po::value<std::string>()->value_name("FILE")->default_value(kDatabase),
                "database whose measured times the estimates rest on, where it is there; it is only read");
  options.add()("guess", po::value<std::string>()->value_name("TIME")->default_value("30m"), "time of a run of which nothing was measured");
  options.add()("max-array-size", po::value<std::string>()->value_name("N"), "Slurm's MaxArraySize; default: asked for, else 1001");
  options.add()("max-submit-jobs", po::value<std::string>()->value_name("N"),
                "jobs that may be queued; default: Slurm's limit, where it is here");
  options.add_overrides();
  options.add_installation();
  options.add_cache();
  options.add_json();
  return options;
}

SweepWishes read_wishes(const Options& options) {
  SweepWishes wishes{.folder = options.text("dir"),
                     .database = options.text("db"),
                     .guess_s = duration(options, "guess"),
                     .jobs_max = *options.number("jobs-max", 1),
                     .at_once = options.number("at-once", 1),
                     .cpus = options.number("cpus", 1),
                     .array_size = options.number("max-array-size", 2),
                     .submit = options.number("max-submit-jobs", 3),
                     .job = read_job(options)};
  if (wishes.guess_s <= 0) throw base::Error("sweep plan: --guess: a run takes longer than that; give for example 30m");
  sweep::Folder::require_new(wishes.folder);
  return wishes;
}

}  // namespace clb::cli
