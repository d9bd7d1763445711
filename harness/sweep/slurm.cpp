#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <clb/base/error.hpp>
#include <clb/launch/spawn.hpp>
#include <clb/sweep/slurm.hpp>
#include <cstdlib>
#include <sstream>

namespace clb::sweep {

namespace fs = std::filesystem;

namespace {

constexpr double kPatience = 60;  // a busy controller answers within that

std::optional<fs::path> program(const char* name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const fs::path file = fs::path(folder.empty() ? "." : folder) / name;
    std::error_code error;
    if (access(file.c_str(), X_OK) == 0 && fs::is_regular_file(file, error)) return file;
  }
  return std::nullopt;
}

std::optional<launch::Captured> ask(const char* name, std::vector<std::string> arguments) {
  const auto found = program(name);
  if (!found) return std::nullopt;
  return launch::capture({.program = *found, .arguments = std::move(arguments)}, kPatience);
}

std::string said(const launch::Captured& answer) {
  if (answer.timed_out) return fmt::format("it did not answer within {} s", kPatience);
  std::string text = answer.err.empty() ? answer.out : answer.err;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text.empty() ? fmt::format("exit code {}", answer.exit_code) : text;
}

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string joined_ids(const std::set<std::string>& jobs) { return fmt::format("{}", fmt::join(jobs, ",")); }

}  // namespace

SlurmLimits parse_limits(const std::string& config) {
  SlurmLimits limits;
  std::istringstream lines(config);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key, equals, value;
    if (!(words >> key >> equals >> value) || equals != "=") continue;
    const auto n = number(value);
    if (!n || *n < 1) continue;
    if (key == "MaxArraySize") limits.array_size = n;
    if (key == "MaxSubmitJobs" || key == "MaxJobCount") limits.submit = std::min(limits.submit.value_or(*n), *n);
  }
  return limits;
}

std::optional<SlurmLimits> slurm_limits() {
  const auto answer = ask("scontrol", {"show", "config"});
  if (!answer || answer->exit_code != 0) return std::nullopt;
  return parse_limits(answer->out);
}

bool has_slurm() { return program("sbatch").has_value(); }

std::string submit(const Submission& what) {
  const auto sbatch = program("sbatch");
  if (!sbatch)
    throw base::Error("there is no sbatch in PATH; submit where Slurm is, or run each slot by hand: clbench sweep run DIR --slot K");
  launch::Spawn spawn{.program = *sbatch, .arguments = {"--parsable", "--chdir=" + what.folder.string()}, .folder = what.folder};
  if (!what.array.empty()) spawn.arguments.push_back("--array=" + what.array);
  if (!what.dependency.empty()) spawn.arguments.push_back("--dependency=" + what.dependency);
  spawn.arguments.push_back(what.script.string());
  spawn.environment["CLBENCH"] = what.program.string();
  const launch::Captured answer = launch::capture(spawn, kPatience);
  const size_t begin = answer.out.find_first_of("0123456789");
  if (answer.exit_code != 0 || begin == std::string::npos)
    throw base::Error(
        fmt::format("sbatch did not take {} ({}); edit that file, or plan again with other options", what.script.string(), said(answer)));
  return answer.out.substr(begin, answer.out.find_first_not_of("0123456789", begin) - begin);
}

std::vector<QueuedJob> parse_queue(const std::string& squeue, const std::set<std::string>& jobs) {
  std::vector<QueuedJob> found;
  std::istringstream lines(squeue);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    QueuedJob job;
    std::string element;
    std::getline(fields, job.job, '|');
    std::getline(fields, element, '|');
    std::getline(fields, job.state, '|');
    std::getline(fields, job.left, '|');
    std::getline(fields, job.reason);
    job.slot = number(element).value_or(0);
    if (jobs.contains(job.job)) found.push_back(std::move(job));
  }
  return found;
}

std::optional<std::vector<QueuedJob>> queued(const std::set<std::string>& jobs) {
  if (jobs.empty()) return std::vector<QueuedJob>{};
  const auto answer = ask("squeue", {"--noheader", "--array", "--jobs=" + joined_ids(jobs), "--format=%F|%K|%T|%L|%r"});
  if (!answer) return std::nullopt;
  if (answer->exit_code == 0) return parse_queue(answer->out, jobs);
  // That it does not know any of them any more is an answer, too.
  if (answer->err.find("Invalid job id") != std::string::npos) return std::vector<QueuedJob>{};
  return std::nullopt;
}

std::optional<bool> is_queued(const std::string& job) {
  const auto answer = ask("squeue", {"--noheader", "--jobs=" + job, "--states=RUNNING,COMPLETING,SUSPENDED", "--format=%A"});
  if (!answer) return std::nullopt;
  if (answer->exit_code == 0) return answer->out.find_first_of("0123456789") != std::string::npos;
  if (answer->err.find("Invalid job id") != std::string::npos) return false;
  return std::nullopt;
}

void cancel(const std::set<std::string>& jobs) {
  const auto scancel = program("scancel");
  if (!scancel) throw base::Error("there is no scancel in PATH; cancel where Slurm is");
  const launch::Captured answer = launch::capture({.program = *scancel, .arguments = {jobs.begin(), jobs.end()}}, kPatience);
  if (answer.exit_code != 0) throw base::Error(fmt::format("scancel {}: {}", joined_ids(jobs), said(answer)));
}

bool requeue(const std::string& job) {
  const auto scontrol = program("scontrol");
  if (!scontrol) return false;
  const pid_t pid = launch::spawn({.program = *scontrol, .arguments = {"requeue", job}, .out = STDERR_FILENO, .err = STDERR_FILENO});
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace clb::sweep
