// make_parts SWEEP: the parts of a planned sweep as if every run had ended well, for measuring what reads and merges them
// (tools/bench/sweep_scale.sh). The numbers mean nothing.
#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <clb/store/store.hpp>
#include <clb/stream/shape.hpp>
#include <clb/sweep/folder.hpp>
#include <cstdio>
#include <filesystem>

namespace {

using namespace clb;

constexpr int64_t kSamples = 10'000;

base::TaskDone task_of(const base::RunSpec& run, int64_t task) {
  base::TaskDone done;
  done.task = task;
  size_t first = 0;
  for (int64_t t = 0; t < task; ++t) first += static_cast<size_t>(run.protocol.task_sizes[static_cast<size_t>(t)]);
  for (int64_t i = 0; i < run.protocol.task_sizes[static_cast<size_t>(task)]; ++i)
    done.classes.push_back(run.protocol.class_order[first + static_cast<size_t>(i)]);
  for (int64_t group = 0; group <= task; ++group) done.evals.push_back({group, 100, 90 - group, 100, 100, 12.5});
  for (int64_t i = 0; i < kSamples; ++i) done.predictions.push_back((i * 7 + run.seed + task) % 10);
  done.logit_hash = base::hex(base::sha256("logits " + std::to_string(run.seed) + " " + std::to_string(task)));
  done.spans = {{"train_task", task, 1.5, 0}, {"evaluate", task, 0.5, 0}};
  return done;
}

void make_part(const sweep::Folder& folder, int64_t slot) {
  const std::filesystem::path work = folder.slot_folder(slot) / "made.sqlite";
  {
    store::Store store = store::Store::open(work, store::Store::Mode::kWrite);
    const std::string hash = base::hex(base::sha256("plugin"));
    const store::AttemptStart start{hash, "1.0.0",     hash, "1.0.0", hash, "2.0", {"Some CPU", "avx2", "", "Linux", 2, 8 << 20},
                                    {},   "make_parts"};
    for (const base::RunSpec& run : folder.specs(slot)) {
      const int64_t attempt = store.begin_attempt(run, start);
      store.add_targets(attempt, {"test", std::vector<int64_t>(kSamples, 0)});
      for (int64_t task = 0, n = stream::StreamShape(run).tasks_to_run(); task < n; ++task) store.add_task(attempt, task_of(run, task));
      store.add_status(attempt, {"ok", "", "", ""});
    }
    store.publish(folder.part(slot));
  }
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(work.string() + suffix);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_parts SWEEP\n");
    return 2;
  }
  try {
    const sweep::Folder folder(argv[1]);
    for (int64_t slot = 1; slot <= folder.manifest().slots; ++slot) make_part(folder, slot);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_parts: %s\n", error.what());
    return 2;
  }
}
