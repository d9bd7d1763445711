#include <clb/meta.h>
#include <clb/stream/shape.hpp>

#include <algorithm>
#include <array>
#include <filesystem>

#include "model.hpp"

namespace clb::report {
namespace {

using base::Json;

std::string dataset_line(const Json& spec) {
  const int64_t train = integer_at(spec, "/dataset/train_per_class"), test = integer_at(spec, "/dataset/test_per_class");
  const std::string what = text_at(spec, "/dataset/modality") == "features" ? " vectors per class" : " images per class";
  std::string line;
  for (const Json& part : base::list_at(spec, "/dataset/sequence")) line += (line.empty() ? "" : " + ") + dataset_line({{"dataset", part}});
  if (line.empty()) line = text_at(spec, "/dataset/id");
  const Json params = spec.at("dataset").value("params", Json::object());
  for (const auto& [name, value] : params.items())
    line += ", " + name + " " + (value.is_string() ? value.get<std::string>() : value.dump());
  if (train > 0) line += ", first " + std::to_string(train) + " training" + what;
  if (test > 0) line += ", first " + std::to_string(test) + " test" + what;
  return line;
}

std::string numbers(const Json& list) {
  std::string text;
  for (const Json& number : list) text += (text.empty() ? "" : ", ") + number.dump();
  return text;
}

std::string protocol_line(const Json& spec) {
  const std::string order = text_at(spec, "/protocol/order");
  const auto shape = stream::StreamShape::of_stored(spec);
  const int64_t tasks = shape.parts(), run = shape.parts_to_run();
  std::string line = text_at(spec, "/protocol/kind") + "-incremental " + text_at(spec, "/protocol/split");
  line += run < tasks ? ", first " + std::to_string(run) + " of " + std::to_string(tasks) + " tasks"
                      : ", " + std::to_string(tasks) + (tasks == 1 ? " task" : " tasks");
  if (const Json subset = base::list_at(spec, "/protocol/domain_subset"); !subset.empty())
    line += ", of the domains only " + numbers(subset);
  line += ", class order " + order.substr(0, order.find('('));
  if (flag_at(spec, "/protocol/eval_unseen")) line += ", classes to come evaluated too";
  line += ", evaluated on " + text_at(spec, "/protocol/evaluate_on");
  line += " in " + text_at(spec, "/protocol/test_batches") + " batches of " + text_at(spec, "/protocol/test_batch_size");
  const std::string transform = text_at(spec, "/protocol/eval_transform/name");
  return line + (transform.empty() ? ", no eval transform" : kEvalTransform + transform);
}

std::string weights_text(const Json& weights, const WeightNames& names) {
  const std::string file = text_at(weights, "/file");
  std::string text = text_at(weights, "/role") + " = ";
  const std::string sha256 = text_at(weights, "/sha256");
  const auto known = names.find(sha256);
  if (!file.empty())
    return text + (known != names.end() ? known->second : std::filesystem::path(file).filename().string()) + " (sha256 " +
           sha256.substr(0, 12) + ")";
  text += "untrained ViT (";
  for (const char* name : {"image", "patch", "dim", "depth", "heads", "seed"})
    text += std::string(text.back() == '(' ? "" : ", ") + name + " " + text_at(weights, (std::string("/random/") + name).c_str());
  return text + ")";
}

struct SectionKind {
  uint64_t capability;
  const char* title;
};
constexpr std::array<SectionKind, 5> kByCapability{{{CLB_CAP_TASK_ID_TEST, "task id known at test"},
                                                    {CLB_CAP_BATCH_DEPENDENT, "predictions depend on the test batch"},
                                                    {CLB_CAP_TEXT_TOWER, "text tower"},
                                                    {CLB_CAP_RAW_REPLAY, "replay of training samples"},
                                                    {CLB_CAP_EXTERNAL_DATA, "data beside the stream"}}};
constexpr const char* kReproduction = "reproduction track (each row only against its own publication)";

std::string why(const store::RunRow& run) {
  const store::AttemptStatus& status = run.status;
  if (status.status.empty()) return "not started";
  if (status.status == "running")
    return "running, " + std::to_string(run.tasks_done) + " of " + std::to_string(run.tasks_planned) + " tasks done";
  if (status.reason.empty()) return status.status;
  return status.reason.starts_with(status.status) ? status.reason : status.status + ": " + status.reason;
}

}  // namespace

std::vector<std::string> heading(const Json& spec) { return {dataset_line(spec), protocol_line(spec)}; }

std::string weights_line(const Json& spec, const WeightNames& names) {
  std::string line;
  for (const Json& weights : base::list_at(spec, "/weights")) line += (line.empty() ? "" : "; ") + weights_text(weights, names);
  return line.empty() ? "no weights" : "weights " + line;
}

std::string section_title(const store::RunRow& run) {
  if (run.track == "reproduction") return kReproduction;
  if (run.joint) return kUpperBound;
  std::string title;
  for (const SectionKind& kind : kByCapability)
    if (run.capabilities & kind.capability) title += (title.empty() ? "" : ", ") + std::string(kind.title);
  return title;
}

int section_rank(const std::string& title) {
  if (title.empty()) return 0;
  if (title == kUpperBound) return 1;
  if (title == kReproduction) return 100;
  if (title == kMarked) return 200;
  int rank = 1;  // those with less come first
  for (size_t k = 0; k < kByCapability.size(); ++k)
    if (title.find(kByCapability[k].title) != std::string::npos) rank += 1 << k;
  return rank;
}

std::string parameter_text(const Json& value) { return value.is_string() ? value.get<std::string>() : base::canonical(value); }

std::vector<std::string> failure_notes(const std::vector<RunResult>& runs) {
  std::vector<std::string> reasons;
  std::map<std::string, std::string> seeds;
  std::map<std::string, int> counts;
  for (const RunResult& result : runs) {
    if (result.ok()) continue;
    const std::string reason = why(result.run);
    if (counts[reason]++ == 0) reasons.push_back(reason);
    seeds[reason] += (seeds[reason].empty() ? "" : ", ") + std::to_string(result.run.seed) + "/" + std::to_string(result.run.order_seed);
  }
  std::vector<std::string> notes;
  for (const std::string& reason : reasons)
    notes.push_back(std::to_string(counts[reason]) + " of " + std::to_string(runs.size()) + " runs: " + reason + " (seed/order seed " +
                    seeds[reason] + ")");
  return notes;
}

}  // namespace clb::report
