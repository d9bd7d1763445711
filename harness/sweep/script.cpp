#include <fmt/format.h>

#include <array>
#include <clb/base/error.hpp>
#include <clb/sweep/script.hpp>
#include <cmath>
#include <sstream>

namespace clb::sweep {

namespace {

constexpr double kMergeSeconds = 3600;

// As --job-name takes it without quotation marks.
std::string job_name(const std::string& name) {
  std::string plain;
  for (const char c : name) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    plain += kept ? c : '-';
  }
  return plain.empty() ? "sweep" : plain;
}

// Minutes are the finest that a scheduler keeps: rounded up.
std::string time_limit(double seconds) {
  const auto minutes = static_cast<int64_t>(std::ceil(seconds / 60));
  return fmt::format("{:02}:{:02}:00", minutes / 60, minutes % 60);
}

std::string head(const Manifest& m, const std::string& about, const std::string& part, double time_s) {
  std::string text =
      fmt::format("#!/bin/bash\n{}#SBATCH --job-name={}{}\n#SBATCH --time={}\n", about, job_name(m.name), part, time_limit(time_s));
  if (!m.job.partition.empty()) text += fmt::format("#SBATCH --partition={}\n", m.job.partition);
  for (const std::string& option : m.job.sbatch) text += fmt::format("#SBATCH {}\n", option);
  return text;
}

// What a job that computes has in common with others: it starts again after it was pre-empted, is told before its time is over, and goes on
// in the log that it has.
std::string computing(const Manifest& m, const std::string& log) {
  std::string text = fmt::format("#SBATCH --cpus-per-task={}\n", m.job.cpus);
  if (m.job.gpus > 0) text += fmt::format("#SBATCH --gpus-per-node={}\n", m.job.gpus);
  return text + fmt::format("#SBATCH --requeue\n#SBATCH --signal=B:USR1@{}\n#SBATCH --open-mode=append\n#SBATCH --output=logs/{}\n",
                            kNoticeSeconds, log);
}

// The folder of the sweep is where `sbatch` was called, or what `clbench sweep submit` says it is.
constexpr const char* kFolder = "\n# The folder of this sweep is the current one. CLBENCH: the program, where it is not found in PATH.\n";

}  // namespace

std::string features_script(const Manifest& m) {
  return head(m, "# The features that runs of this sweep share: computed once, into cache/, before the others start.\n", "-features",
              m.job.time_s) +
         computing(m, "features.log") + kFolder + "exec \"${CLBENCH:-clbench}\" sweep run . --features\n";
}

std::string job_script(const Manifest& m) {
  return head(m, "# An element of the array for each slot of this sweep; at most so many at once as stand behind the %.\n", "",
              m.job.time_s) +
         fmt::format("#SBATCH --array=1-{}%{}\n", m.slots, m.job.at_once) + computing(m, "slot-%a.log") + kFolder +
         "exec \"${CLBENCH:-clbench}\" sweep run . --slot \"$SLURM_ARRAY_TASK_ID\"\n";
}

std::string merge_script(const Manifest& m) {
  return head(m, "# All parts as one database, each counted again before.\n", "-merge", kMergeSeconds) +
         "#SBATCH --open-mode=append\n#SBATCH --output=logs/merge.log\n" + kFolder +
         "exec \"${CLBENCH:-clbench}\" merge results.sqlite parts/*.sqlite --audit\n";
}

std::vector<std::string> parse_sbatch(const std::string& text) {
  constexpr std::array kOurs{"--array",    "-a", "--time",          "-t", "--requeue",       "--no-requeue", "--signal",   "--open-mode",
                             "--output",   "-o", "--dependency",    "-d", "--chdir",         "-D",           "--parsable", "--wrap",
                             "--job-name", "-J", "--cpus-per-task", "-c", "--gpus-per-node", "--partition",  "-p"};
  if (text.find_first_of("\n\r") != std::string::npos)
    throw base::Error("--sbatch: takes options of sbatch in one line, for example \"--account=abc --mem=16G\"");
  std::vector<std::string> options;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!word.starts_with('-') || word.size() < 2) {
      if (options.empty())
        throw base::Error(fmt::format("--sbatch: '{}' is no option of sbatch; for example --sbatch \"--account=abc --mem=16G\"", word));
      options.back() += " " + word;
      continue;
    }
    const std::string name = word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
    for (const char* ours : kOurs)
      if (name == ours)
        throw base::Error(
            fmt::format("--sbatch: {} is set by the sweep itself; see `clbench sweep plan --help`, or edit job.sh afterwards", name));
    options.push_back(word);
  }
  return options;
}

std::string array_of(const std::vector<int64_t>& slots) {
  std::string text;
  for (size_t i = 0; i < slots.size();) {
    size_t last = i;
    while (last + 1 < slots.size() && slots[last + 1] == slots[last] + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(slots[i]);
    if (last > i) text += "-" + std::to_string(slots[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace clb::sweep
