// Events: what a runner tells its launcher, one JSON object per line on a descriptor of their own (CLB_EVENT_FD). This header is their
// documentation.
//
// Every line is {"v": 1, "t": TYPE, ...}. A reader refuses another version and an unknown type, and checks every member before use. Numbers
// are finite; a non-finite metric is sent as null. Lines are at most 64 MiB. Order: hello, then any number of the others, then done or
// error as the last line.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <clb/base/json.hpp>

namespace clb::base {

inline constexpr int kEventVersion = 1;

struct Hello {  // the runner is up: what it is and what it really runs on
  int64_t pid = 0;
  std::string runner_hash, plugin_hash, dataset_hash;  // SHA-256 of the files
  std::string libtorch, device, dtype;                 // "2.11.0", "cpu" or "cuda:0 NVIDIA H100", "float32"
  std::string cpu, cpu_flags;                          // model name; the flags that matter ("avx2 avx512f avx512_bf16 amx_bf16")
  int64_t cores = 0, threads = 0;
};
struct Log {
  std::string level, text;
};                                        // level: info | warning
struct Progress {                         // sent at most a few times a second
  std::string phase;                      // load | features | train_task | evaluate | ...
  int64_t task = 0, done = 0, total = 0;  // total 0: unknown
  std::string what;                       // unit: "images", "batches"
};
struct Metric {
  std::string name;
  int64_t task = 0, step = 0;
  double value = 0;
};
struct Span {
  std::string phase;
  int64_t task = -1;
  double wall_s = 0, device_s = 0;
};  // task -1: of the whole run
struct Resource {
  std::map<std::string, double> values;
};                    // "peak_rss_bytes" and of a phase "peak_rss_bytes.train_task", "peak_device_bytes", "state_bytes",
                      // "exemplars", "exemplar_bytes", "images_seen", "images_read", "seconds_waited",
                      // "forwards_charged", "forwards_saved", "cached_seconds_saved"; the launcher adds what it alone knows
                      // (Outcome::resources)
struct EvalCount {    // counts of one group of test samples after one task
  int64_t group = 0;  // task (or domain) the samples belong to
  int64_t n = 0, correct = 0, correct5 = 0, correct_within = 0;  // within: among the group's own classes
  double loss_sum = 0;                                           // cross-entropy in nats
};
struct TaskDone {  // everything that was measured after one task; the launcher commits it as one transaction
  int64_t task = 0;
  std::vector<int64_t> classes;  // original ids of the task's classes
  std::vector<EvalCount> evals;
  std::vector<int64_t> predictions;  // one per sample of the evaluated split in index order: original class id, -1 = not evaluated
  std::string logit_hash;            // SHA-256 over the float32 logits in index order
  std::vector<Span> spans;
  std::vector<Metric> metrics;
};
struct Targets {
  std::string split;
  std::vector<int64_t> labels;
};                 // original class ids of the evaluated split, once per run
struct LookPass {  // all samples of a second look once, in batches of one size
  int64_t batch_size = 0;
  std::vector<int64_t> predictions;              // original class ids, one per sample
  std::vector<int64_t> near_rows, near_classes;  // classes in a near tie with the prediction: positions of samples, and a class of each
};
struct Look {                    // clb-runner look: what a fresh process predicts from the saved state of a run (base/second_look.hpp)
  std::vector<int64_t> samples;  // indices into the evaluated split
  std::vector<LookPass> passes;
  bool confined = false;  // no file can be opened but libraries, weights and the process's own
  // Of features that the host had computed and cached for the run:
  std::vector<std::string> proven{};  // segments of the cache whose rows were computed afresh here and came out the same
  std::string false_folder{};         // of the cache, where rows came out otherwise, and of how many samples
  int64_t false_rows = 0;
};
struct Done {
  Resource resource;
};
struct Failed {            // the run ends here because of this
  std::string status;      // invalid | unsupported | no_memory | cancelled | numeric | io | state | internal, and checkpoint: there is one
                           // that cannot be taken up, and nothing was done
  std::string text, file;  // one sentence; place in the plugin's source, may be empty
  int64_t line = 0, task = -1;
  std::string phase;
  bool of_user = false;  // what was asked for cannot be: the method or nn refused a setting, whenever that showed
};

using Event = std::variant<Hello, Log, Progress, Metric, Span, Resource, TaskDone, Targets, Done, Failed, Look>;

std::string encode(const Event& event);  // without the newline
Event decode(std::string_view line);     // Error (Exit::kInternal) names the member that is wrong

}  // namespace clb::base
