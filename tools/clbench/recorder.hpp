// Writes what the runs report into the store, and tells the person at the terminal.
#pragma once

#include <chrono>
#include <clb/launch/describe.hpp>
#include <clb/launch/schedule.hpp>
#include <clb/store/store.hpp>
#include <clb/stream/shape.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "display.hpp"

namespace clb::cli {

struct RunRecord {
  int64_t attempt = 0;  // 0: was not started
  std::filesystem::path folder;
  launch::Outcome outcome;
  std::optional<base::SecondLook> look;
  double seconds = 0;   // of all its spans, those before a checkpoint included
  double waited_s = 0;  // of them for images
};

struct RecorderOptions {
  std::vector<std::string> labels;    // of the runs
  std::vector<int64_t> resumed;       // of the runs: the attempt that goes on, 0: a new one
  std::filesystem::path runs_folder;  // <db>.runs
  std::string cache;                  // for execution.cache_dir; empty: off
  std::string command;
  std::string go_on;                // the command that goes on after a stop
  std::function<void()> committed;  // called whenever a run began, a task was stored, or a run ended; may be empty
};

class Recorder final : public launch::Observer {
 public:
  Recorder(store::Store& store, launch::Describer& describer, const std::vector<base::RunSpec>& runs, RecorderOptions options);

  bool starting(size_t run, base::RunSpec& spec) override;
  void event(size_t run, const base::Event& event) override;
  void looked(size_t run, const base::SecondLook& look) override;
  void finished(size_t run, const launch::Outcome& outcome) override;
  void spared(size_t run, const launch::Outcome& like) override;
  void stopping(int signal) override;
  void tick() override;

  const std::vector<RunRecord>& records() const { return records_; }
  int stopped_by() const { return stopped_by_; }  // the first signal that asked to stop; 0: none

 private:
  struct Buffer {  // small rows wait a second, so that a chatty run costs one transaction, not hundreds
    std::vector<base::Span> spans;
    std::vector<base::Metric> metrics;
  };
  store::AttemptStart attempt_start(const base::RunSpec& spec);
  std::string dataset_hash(const base::RunSpec& spec);
  void record_load(size_t run, std::map<std::string, double> resources);
  void task_done(size_t run, const base::TaskDone& task);
  void flush(size_t run);
  void committed() const;
  std::string label(size_t run) const;

  store::Store& store_;
  launch::Describer& describer_;
  const std::vector<base::RunSpec>& runs_;
  RecorderOptions options_;
  store::AttemptStart common_;
  std::vector<RunRecord> records_;
  std::vector<Buffer> buffers_;
  std::chrono::steady_clock::time_point last_flush_;
  Display display_;
  int stopped_by_ = 0;
};

// Accuracy after a task over the groups seen so far; n is 0 when nothing was evaluated.
struct Accuracy {
  int64_t n = 0, correct = 0;
};
Accuracy accuracy_so_far(const base::TaskDone& task, const stream::StreamShape& shape);

}  // namespace clb::cli
