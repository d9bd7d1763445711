// Recounting: every stored count again from the stored predictions and labels, every key again from what it names.
//
// What an argmax tells is recounted exactly: n, the correct ones, and the set of evaluated samples. Correct within the own group is exact
// where the argmax was taken among the group's classes (the first task, task-incremental, domain-incremental runs), and else has to lie
// between the correct ones and those plus the predictions outside the group. Correct in the top 5 is exact up to five classes, and else has
// to lie between the correct ones and n. Losses and logits are not stored per sample. Groups of a domain-incremental run are recounted
// together, since a label does not tell its domain.
//
// What nothing else repeats (times, memory, scalars, hashes of logits, what machine it was) is held against the seal of its attempt
// (results/store/seal.hpp): that shows that it was changed, and in which table, not what it was.
#pragma once

#include <clb/base/run_spec.hpp>
#include <clb/store/store.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace clb::audit {

struct RunAudit {
  std::string key, method, preset, dataset;
  int64_t seed = 0, order_seed = 0;
  int64_t attempts = 0, counts = 0;      // counts: rows of (task, group) that were recounted
  std::vector<std::string> differences;  // sentences
  std::vector<std::string> unchecked;    // what could not be recounted, and why
  std::string labels;                    // how the stored labels were compared with the data, or why not
  std::string seal;                      // whether the attempts' rows are those that were sealed when they ended; empty: no attempt ended
  std::string weights, plugin;           // how the files of the run were compared with those on this machine; empty: there are none
};

struct Report {
  std::vector<std::string> differences;  // in rows that runs share
  std::vector<RunAudit> runs;
  size_t differing() const;  // runs with differences
  size_t unchecked() const;  // runs without, of which something could not be recounted
  bool same() const { return differences.empty() && differing() == 0; }
};

// What the data themselves say of a dataset, where they can be found.
struct DatasetFacts {
  std::string fingerprint;
  std::map<std::string, std::string> labels;  // split ("train" | "test") -> base::labels_hash
  std::map<std::string, int64_t> samples;     // of each split
  std::string missing;                        // why there are none; the rest is then empty
};

struct Options {
  std::string run_key;                                              // the run whose key begins with this; empty: all
  std::function<DatasetFacts(const base::DatasetSpec&)> facts;      // of a data set; a sequence is asked for part by part
  std::function<std::string(const std::string& file)> sha256 = {};  // of a file as it is now; empty when it is not on this machine
  std::function<void(size_t done, size_t all)> progress;            // after each run
};

// Error (exit 2): the file is missing or damaged, no run or several have that key.
Report audit(const std::filesystem::path& file, const Options& options);

// Of one evaluation: `evals` are its rows, `predicted` and `targets` in index order.
std::vector<std::string> recount(const base::RunSpec& spec, int64_t after_task, const std::vector<base::EvalCount>& evals,
                                 const std::vector<int64_t>& predicted, const std::vector<int64_t>& targets);

}  // namespace clb::audit
