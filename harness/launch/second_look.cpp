#include <clb/launch/second_look.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <cstdlib>
#include <set>

namespace clb::launch {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kMost = 256, kFewest = 64;
constexpr double kCheap_s = 3, kCheapToTraining_s = 0.75;  // the latter where most of a run is training
constexpr double kShare = 0.045;                           // of the run's time, less what the process takes in any case:
constexpr double kHeavyShare = 0.02;                       // reading the state alone takes more: as few samples as there may be
constexpr double kStart_s = 0.6, kLoadRate = 1.6e8;        // to start; bytes of a state in a second, on a busy machine
constexpr double kPatience_s = 300, kPatienceFactor = 20;  // of the evaluation's time

bool is_wanted(const std::string& variable) {
  constexpr const char* kWanted[] = {"OMP_",  "GOMP_",  "KMP_",  "MKL_",  "CUDA_",           "NVIDIA_",
                                     "ASAN_", "UBSAN_", "LSAN_", "TSAN_", "CLB_CPU_KERNELS="};
  return std::ranges::any_of(kWanted, [&](const char* prefix) { return variable.starts_with(prefix); });
}

// Positions in look.samples where a pass has another prediction than the run; those that no near tie explains are `clear`.
struct Others {
  std::set<size_t> clear, near;
};

void compare(const base::LookPass& pass, const base::Look& look, const LastTask& task, Others& others) {
  std::set<std::pair<int64_t, int64_t>> ties;
  for (size_t k = 0; k < pass.near_rows.size(); ++k) ties.emplace(pass.near_rows[k], pass.near_classes[k]);
  for (size_t row = 0; row < look.samples.size(); ++row) {
    const int64_t before = task.predictions[static_cast<size_t>(look.samples[row])];
    if (pass.predictions[row] == before) continue;
    (ties.contains({static_cast<int64_t>(row), before}) ? others.near : others.clear).insert(row);
  }
}

// Did it answer for samples that the run had predicted, each once, and for as many as it was asked?
bool answers(const base::Look& look, const LastTask& task, int64_t count) {
  const std::set<int64_t> distinct(look.samples.begin(), look.samples.end());
  const auto evaluated = std::ranges::count_if(task.predictions, [](int64_t p) { return p >= 0; });
  return !look.passes.empty() && distinct.size() == look.samples.size() &&
         static_cast<int64_t>(look.samples.size()) >= std::min<int64_t>(count, evaluated) &&
         std::ranges::all_of(look.samples, [&](int64_t i) {
           return i < static_cast<int64_t>(task.predictions.size()) && task.predictions[static_cast<size_t>(i)] >= 0;
         });
}

void compare(base::SecondLook& result, const base::Look& look, const LastTask& task, const std::string& precision) {
  Others others;
  for (const base::LookPass& pass : look.passes) compare(pass, look, task, others);
  for (size_t row : others.clear) others.near.erase(row);
  result.samples = static_cast<int64_t>(look.samples.size());
  result.near_ties = static_cast<int64_t>(others.near.size());
  result.differing = static_cast<int64_t>(others.clear.size());
  if (result.near_ties > base::most_near_ties(precision, result.samples)) result.differing += std::exchange(result.near_ties, 0);
  result.outcome = result.differing > 0 ? "differs" : "same";
  if (result.differing > 0)
    result.reason =
        fmt::format("its saved state predicts otherwise in a fresh process for {} of {} test samples", result.differing, result.samples);
  if (look.false_rows == 0) return;
  // The run's numbers stand on these rows, whatever the state makes of the right ones.
  result.outcome = "differs";
  result.differing = std::max(result.differing, look.false_rows);
  result.near_ties = std::min(result.near_ties, result.samples - result.differing);
  result.reason = fmt::format(
      "the features in the cache {} are others than a fresh process computes, for {} of {} test samples; remove that folder and repeat the "
      "run with `clbench run --again`",
      look.false_folder, look.false_rows, result.samples);
}

// The looking process starts in a folder of its own.
base::RunSpec with_absolute_paths(base::RunSpec spec) {
  std::vector<std::string*> paths{&spec.method.file,         &spec.dataset.file,      &spec.dataset.root,
                                  &spec.execution.cache_dir, &spec.execution.run_dir, &spec.execution.state_file};
  for (base::WeightsSpec& weights : spec.weights) paths.push_back(&weights.file);
  for (base::DatasetSpec& part : spec.dataset.sequence) paths.insert(paths.end(), {&part.file, &part.root});
  for (std::string* path : paths)
    if (!path->empty()) *path = fs::absolute(*path).string();
  return spec;
}

}  // namespace

void note(const base::TaskDone& task, LastTask& last) {
  last.task = task.task;
  last.predictions = task.predictions;
  last.evaluate_s = 0;
  for (const base::Span& span : task.spans) {
    if (span.phase == "evaluate" && span.task == task.task) last.evaluate_s += span.wall_s;
    if (span.phase == "features") last.features_s += span.wall_s;
    if (span.phase == "train_task") last.train_s += span.wall_s;
  }
}

void note(const base::Done& done, LastTask& last) {
  const auto value = [&](const char* name) {
    const auto found = done.resource.values.find(name);
    return found == done.resource.values.end() ? 0.0 : found->second;
  };
  const double samples = value("forwards_charged");  // those that were cached are among them
  if (samples > 0) last.feature_s = (last.features_s + value("cached_seconds_saved")) / samples;
  last.state_bytes = value("state_bytes");
}

int64_t look_size(const LastTask& task, double run_s, FeaturesAre features) {
  const auto evaluated = std::ranges::count_if(task.predictions, [](int64_t p) { return p >= 0; });
  const double feature_s = features == FeaturesAre::kTaken ? 0 : task.feature_s;
  const double each = 2 * task.evaluate_s / static_cast<double>(std::max<int64_t>(1, evaluated)) + feature_s;
  const bool trains = task.train_s > run_s / 2;
  if (trains && task.state_bytes / kLoadRate > kHeavyShare * run_s) return kFewest;
  const double cheap = trains ? kCheapToTraining_s : kCheap_s;
  const double budget = std::max(cheap, kShare * run_s - kStart_s - task.state_bytes / kLoadRate);
  if (each * static_cast<double>(kMost) <= budget) return kMost;
  return std::clamp(static_cast<int64_t>(budget / each), kFewest, kMost);
}

Limits look_limits(const Limits& run, const LastTask& task) {
  Limits limits = run;
  limits.wall_s = kPatience_s + kPatienceFactor * (task.evaluate_s + task.feature_s * static_cast<double>(kMost));
  limits.silence_s = 0;
  limits.grace_s = 1;
  return limits;
}

fs::path make_look_folder(const base::RunSpec& spec, const LastTask& task, const LookRequest& request) {
  if (spec.execution.run_dir.empty()) throw base::Error("the run has no folder");
  const fs::path folder = fs::absolute(spec.execution.run_dir) / "look";
  fs::remove_all(folder);
  for (const char* name : {"home", "tmp"}) fs::create_directories(folder / name);
  const base::Json json{{"run", with_absolute_paths(spec).to_json()},
                        {"task", task.task},
                        {"count", request.count},
                        {"count_taken", request.count_taken},
                        {"proven", request.proven}};
  base::write_file_atomic(folder / "request.json", json.dump(2) + "\n");
  return folder;
}

void remove_look_folder(const base::RunSpec& spec) {
  std::error_code ignored;
  if (spec.execution.run_dir.empty()) return;
  fs::remove_all(fs::path(spec.execution.run_dir) / "look", ignored);
  fs::remove(fs::path(spec.execution.run_dir) / "last_state", ignored);
}

std::map<std::string, std::string> look_environment(const RunnerPlace& place, const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    if (const size_t equals = text.find('='); equals != std::string::npos && is_wanted(text))
      all[text.substr(0, equals)] = text.substr(equals + 1);
  }
  if (const char* path = std::getenv("LD_LIBRARY_PATH")) all["LD_LIBRARY_PATH"] = path;
  all.merge(std::map<std::string, std::string>{
      {"PATH", "/usr/bin:/bin"}, {"LANG", "C"}, {"HOME", (folder / "home").string()}, {"TMPDIR", (folder / "tmp").string()}});
  for (const auto& [name, value] : runner_environment(place)) all[name] = value;
  return all;
}

base::SecondLook judge_look(const Outcome& ended, const std::string& phase, const std::optional<base::Look>& look, const LastTask& task,
                            const std::string& precision, int64_t count) {
  base::SecondLook result{.outcome = "not_made", .reason = {}, .seconds = ended.wall_s};
  const bool methods = !phase.empty() && phase != base::kLookPrepares;  // its code was at work
  const bool outside = ended.status == "killed" || ended.status == "cancelled";
  if (ended.status != "ok") {
    result.outcome = methods && !outside ? "failed" : "not_made";
    result.reason = methods && !outside ? "its saved state cannot be used in a fresh process: " + ended.reason : ended.reason;
    return result;
  }
  if (!look || !answers(*look, task, count)) {
    result.outcome = "failed";
    result.reason = "the looking process ended without the answers that it was asked for";
    return result;
  }
  result.confined = look->confined;
  compare(result, *look, task, precision);
  return result;
}

}  // namespace clb::launch
