// Compares the runs of tools/gpu_check.sh on a device with the same runs on the CPU. Prints a table, or JSON; exit code 1 when one fails.
//
//   gpu_check_compare CPU.sqlite DEVICE.sqlite DEVICE METHODS [--rounding] [--json]
//
// METHODS: "aper,ease,..." whose logits have to be there; may be empty.
// Runs of an experiment whose name ends in "longer": |accuracy on the device - accuracy on the CPU| <= kBand points.
// All others: after every task |logit - CPU's logit| <= kTolerance * largest |CPU's logit|, and where a prediction differs, the CPU's
// logits of the two classes are nearer than twice that. With DEVICE = cpu both bounds are 0, since one processor repeats
// itself bit for bit; --rounding brings them back, for runs of one processor by other instructions (ATEN_CPU_CAPABILITY).
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/sha256.hpp>
#include <clb/store/store.hpp>
#include <cmath>
#include <cstring>

#include "columns.hpp"

namespace {

namespace fs = std::filesystem;
using clb::base::Json;
using clb::store::RunRow;
using clb::store::Store;

// CPU and GPU add in different orders; float32 networks of 12 blocks differ by some 1e-5 of the largest logit then. An error of the
// device's code is far above: one wrong tensor of bfloat16 alone gives 1e-2.
constexpr double kTolerance = 1e-3;
constexpr double kBand = 5;        // points
constexpr double kMaxUpdates = 5;  // of a run whose logits are compared

struct Database {
  explicit Database(const fs::path& path) : file(path), store(Store::open(path, Store::Mode::kRead)) {}

  fs::path file;
  Store store;
};

// What two runs have to have in common: everything but the device.
std::string identity(const RunRow& run) {
  Json spec = run.spec;
  spec.erase("device");
  return clb::base::canonical(spec);
}

// [n * classes] of one task, as the runner kept them; they are those whose hash it reported.
std::vector<float> logits(const Database& db, const RunRow& run, int64_t task, const std::string& hash) {
  const fs::path file = db.file.string() + ".runs/" + run.uuid + fmt::format("/logits-{}.f32", task);
  const std::string bytes = clb::base::read_file(file);
  if (clb::base::hex(clb::base::sha256(bytes)) != hash) throw clb::base::Error(file.string() + ": not the logits of the recorded run");
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

struct Difference {
  double difference = 0, relative = 0;  // largest; relative to the largest |logit| of the CPU after the same task
  int64_t predictions = 0, differ = 0, near_ties = 0;
};

void compare_task(const std::vector<float>& cpu, const std::vector<float>& device, int64_t n, double tolerance, Difference& sum) {
  if (cpu.size() != device.size() || n == 0 || cpu.size() % static_cast<size_t>(n) != 0)
    throw clb::base::Error("the logits differ in number");
  const auto classes = static_cast<std::ptrdiff_t>(cpu.size()) / n;
  double scale = 0, difference = 0;
  for (size_t k = 0; k < cpu.size(); ++k) {
    scale = std::max<double>(scale, std::fabs(cpu[k]));
    difference = std::max<double>(difference, std::fabs(cpu[k] - device[k]));
  }
  sum.difference = std::max(sum.difference, difference);
  sum.relative = std::max(sum.relative, difference == 0 ? 0 : difference / scale);
  sum.predictions += n;
  for (int64_t i = 0; i < n; ++i) {
    const auto row = cpu.begin() + i * classes, other = device.begin() + i * classes;
    const auto guess = std::max_element(row, row + classes) - row, device_guess = std::max_element(other, other + classes) - other;
    if (guess == device_guess) continue;
    ++sum.differ;
    sum.near_ties += row[guess] - row[device_guess] <= 2 * tolerance * scale;
  }
}

struct Pair {
  const Database& cpu_db;
  const Database& device_db;
  const RunRow& cpu;
  const RunRow& device;
};

Difference compare_logits(const Pair& pair, double tolerance) {
  const auto cpu_hashes = pair.cpu_db.store.logit_hashes(pair.cpu.attempt_id);
  const auto device_hashes = pair.device_db.store.logit_hashes(pair.device.attempt_id);
  std::map<int64_t, int64_t> samples;  // of each task
  for (const auto& row : pair.cpu_db.store.evals(pair.cpu.attempt_id)) samples[row.after_task] += row.count.n;
  Difference sum;
  for (const auto& [task, hash] : cpu_hashes)
    compare_task(logits(pair.cpu_db, pair.cpu, task, hash), logits(pair.device_db, pair.device, task, device_hashes.at(task)),
                 samples[task], tolerance, sum);
  return sum;
}

double accuracy(const Database& db, const RunRow& run) {  // percent, after the last task
  int64_t n = 0, correct = 0;
  for (const auto& row : db.store.evals(run.attempt_id)) {
    if (row.after_task != run.tasks_done - 1) continue;
    n += row.count.n;
    correct += row.count.correct;
  }
  return n == 0 ? 0 : 100.0 * static_cast<double>(correct) / static_cast<double>(n);
}

double updates(const Database& db, const RunRow& run) {  // of all fits of all tasks
  double sum = 0;
  for (const auto& metric : db.store.metrics(run.attempt_id))
    if (metric.name.ends_with("updates")) sum += metric.value;
  return sum;
}

double peak_mib(const Database& db, const RunRow& run) {
  const auto resources = db.store.resources(run.attempt_id);
  const auto found = resources.find("peak_device_bytes");
  return found == resources.end() ? 0 : found->second / (1 << 20);
}

bool complete(const RunRow& run) { return run.status.status == "ok" && run.tasks_done == run.tasks_planned; }

// Values of the parameters that the check sets and that tell its variants apart.
std::string variant(const RunRow& run) {
  std::string text;
  const Json& params = run.spec.at("method").at("params");
  for (const char* name : {"tuner", "distance", "covariance", "predict_by", "solve"})
    if (params.contains(name)) text += (text.empty() ? "" : " ") + params.at(name).get<std::string>();
  return text;
}

Json row_of(const Pair& pair, const std::string& device, bool rounding, bool longer) {
  const double tolerance = rounding ? kTolerance : 0, band = rounding ? kBand : 0;
  Json row{{"experiment", pair.cpu.experiment}, {"method", pair.cpu.spec.at("method").at("id")},
           {"variant", variant(pair.cpu)},      {"device", pair.device.device},
           {"dtype", pair.device.dtype},        {"cpu_s", pair.cpu.wall_s},
           {"device_s", pair.device.wall_s}};
  std::vector<std::string> failures;
  const auto demand = [&](bool holds, const std::string& sentence) {
    if (!holds) failures.push_back(sentence);
  };
  const bool both = complete(pair.cpu) && complete(pair.device);
  demand(complete(pair.cpu), "CPU: " + pair.cpu.status.status + " " + pair.cpu.status.reason);
  demand(complete(pair.device), "device: " + pair.device.status.status + " " + pair.device.status.reason);
  if (both) {
    const double cpu_accuracy = accuracy(pair.cpu_db, pair.cpu), device_accuracy = accuracy(pair.device_db, pair.device);
    const double peak = peak_mib(pair.device_db, pair.device), steps = updates(pair.device_db, pair.device);
    row.update({{"peak_device_mib", peak}, {"updates", steps}, {"cpu_accuracy", cpu_accuracy}, {"device_accuracy", device_accuracy}});
    demand(pair.cpu.device == "cpu" && pair.device.device.starts_with(device.substr(0, device.find(':'))), "ran on another device");
    demand(device == "cpu" || peak > 0, "no device memory was used");
    demand(steps == updates(pair.cpu_db, pair.cpu), "another number of updates than on the CPU");
    if (longer) {
      demand(std::fabs(cpu_accuracy - device_accuracy) <= band, fmt::format("accuracies differ by more than {} points", band));
    } else {
      const Difference found = compare_logits(pair, tolerance);
      row.update({{"difference", found.difference},
                  {"relative_difference", found.relative},
                  {"predictions", found.predictions},
                  {"differ", found.differ},
                  {"near_ties", found.near_ties}});
      demand(steps <= kMaxUpdates, fmt::format("more than {} updates", kMaxUpdates));
      demand(found.relative <= tolerance, fmt::format("logits differ by more than {} of the largest", tolerance));
      demand(found.differ == found.near_ties, "predictions differ that are no near-ties");
    }
  }
  row["failures"] = failures;
  return row;
}

std::vector<std::string> cells(const Json& row) {
  const auto number = [&](const char* name, fmt::format_string<double&> format) {
    if (!row.contains(name)) return std::string("-");
    double value = row.at(name).get<double>();
    return fmt::format(format, value);
  };
  const auto text = [&](const char* name) { return row.at(name).get<std::string>(); };
  const std::string differ = row.contains("differ") ? fmt::format("{} ({}) of {}", row.at("differ").get<int64_t>(),
                                                                  row.at("near_ties").get<int64_t>(), row.at("predictions").get<int64_t>())
                                                    : "-";
  const auto& failures = row.at("failures");
  return {text("experiment"),
          text("method"),
          text("variant"),
          text("device"),
          text("dtype"),
          number("cpu_s", "{:.1f}"),
          number("device_s", "{:.1f}"),
          number("peak_device_mib", "{:.0f}"),
          number("updates", "{:.0f}"),
          number("difference", "{:.1e}"),
          number("relative_difference", "{:.1e}"),
          differ,
          number("cpu_accuracy", "{:.1f}"),
          number("device_accuracy", "{:.1f}"),
          failures.empty() ? "ok" : fmt::format("FAILED: {}", fmt::join(failures.get<std::vector<std::string>>(), "; "))};
}

// Methods of a comma-separated list whose logits were not compared.
std::vector<std::string> not_compared(const std::string& methods, const Json& rows) {
  std::vector<std::string> missing;
  for (size_t at = 0; at < methods.size();) {
    const size_t end = std::min(methods.find(',', at), methods.size());
    const std::string method = methods.substr(at, end - at);
    if (std::none_of(rows.begin(), rows.end(), [&](const Json& row) { return row.at("method") == method && row.contains("difference"); }))
      missing.push_back(method);
    at = end + 1;
  }
  return missing;
}

int compare(const std::vector<std::string>& words, bool rounding, bool json) {
  const Database cpu(words[0]), device(words[1]);
  const auto cpu_runs = cpu.store.runs(), device_runs = device.store.runs();
  Json rows = Json::array();
  bool good = true;
  for (const RunRow& run : cpu_runs) {
    const auto same = [&](const RunRow& other) { return identity(other) == identity(run); };
    const auto other = std::find_if(device_runs.begin(), device_runs.end(), same);
    if (other == device_runs.end()) throw clb::base::Error(words[1] + ": lacks run " + run.key + " of " + words[0]);
    rows.push_back(row_of({cpu, device, run, *other}, words[2], rounding, run.experiment.ends_with("longer")));
    good = good && rows.back().at("failures").empty();
  }
  const auto missing = not_compared(words[3], rows);
  if (json) {
    fmt::print(
        "{}\n",
        Json{{"tolerance", rounding ? kTolerance : 0}, {"band", rounding ? kBand : 0}, {"rows", rows}, {"not_compared", missing}}.dump(2));
  } else {
    clb::cli::Columns table({"problem", "method", "variant", "device", "dtype", "CPU s", "device s", "peak MiB", "updates", "max |d logit|",
                             "of largest", "differ (near-ties)", "CPU %", "device %", "verdict"});
    for (const Json& row : rows) table.add(cells(row));
    fmt::print("{}", table.text());
    if (!missing.empty()) fmt::print("FAILED: the logits of these methods were not compared: {}\n", fmt::join(missing, ", "));
  }
  return good && missing.empty() && !rows.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const bool json = std::erase(words, "--json") > 0, rounding = std::erase(words, "--rounding") > 0;
  try {
    if (words.size() != 4) throw clb::base::Error("usage: gpu_check_compare CPU.sqlite DEVICE.sqlite DEVICE METHODS [--rounding] [--json]");
    return compare(words, rounding || words[2] != "cpu", json);
  } catch (const clb::base::Error& e) {
    fmt::print(stderr, "gpu_check_compare: {}\n", e.what());
    return static_cast<int>(e.exit());
  } catch (const std::exception& e) {
    fmt::print(stderr, "gpu_check_compare: {}\n", e.what());
    return static_cast<int>(clb::base::Exit::kInternal);
  }
}
