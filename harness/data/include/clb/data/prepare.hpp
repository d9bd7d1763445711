// What a cache keeps of a data set, in <cache>/data/<fingerprint>: the files of both splits (sample_file.hpp) and, for each folder that has
// given these samples, a sample of its files' bytes ("proof"), against which they are held when the cache is opened.
#pragma once

#include <clb/data/first_pass.hpp>
#include <functional>
#include <memory>
#include <string>

namespace clb::data {

base::fs::path folder_of(const base::fs::path& cache, const std::string& fingerprint);
const char* split_name(Split split);  // "train", "test": the stem of its files

// Are the files below `root` those that gave the samples in the cache, as far as the proof shows?
bool is_proven(const base::fs::path& cache, const std::string& fingerprint, const std::string& root);

struct Preparation {
  std::string file, root;                    // of the dataset plugin; root "": its default
  base::Json params = base::Json::object();  // of the plugin, see Dataset
  base::fs::path cache;                      // empty: the samples are read, and nothing is kept
  int64_t store_limit = 0;                   // of FirstPass
  Progress progress = [](const std::string&, int64_t, int64_t) {};
  std::string fingerprint{};                                     // where it is known
  std::function<bool()> there = [] { return false; };            // asked once nobody else is at it: has another process done it meanwhile?
  std::function<void(const std::string&)> found = [](auto&) {};  // the fingerprint, before anything is put in its place; may refuse it
};

struct Prepared {
  std::unique_ptr<Dataset> dataset;  // opened; none when it was there
  std::string fingerprint;
  std::string not_kept;  // why the cache took nothing: a full disk, a folder of somebody else
};

// One pass over the files. The same data are prepared by one process at a time: a lock of the root, and one of the fingerprint where it is
// known, is waited for. Error for what the files are.
Prepared prepare(const Preparation& wanted);

}  // namespace clb::data
