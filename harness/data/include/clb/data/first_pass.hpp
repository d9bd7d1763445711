// The one pass over a data set's files: every sample is read once, in threads, and hashed, decoded and written on the way.
#pragma once

#include <clb/base/file.hpp>
#include <clb/data/dataset.hpp>
#include <functional>
#include <string>

namespace clb::data {

// What somebody who waits is told: samples that are done, of how many. total 0: `what` says what is waited for. May throw to stop the work.
using Progress = std::function<void(const std::string& what, int64_t done, int64_t total)>;

struct FirstPass {
  base::fs::path folder;    // the files of both splits are written here; empty: the fingerprint alone is wanted
  int64_t store_limit = 0;  // bytes of decoded samples; above it the index alone is kept
  Progress progress = [](const std::string&, int64_t, int64_t) {};
};

struct Read {
  std::string fingerprint;  // (design: results) SHA-256 over, per split in index order, label, domain and SHA-256 of the sample as the
                            // dataset delivers it
  std::string not_kept;     // why the folder took nothing; "": it did
};

// Error with the first few of the samples that cannot be read, or decoded where the decoded ones are kept.
Read read_all(const Dataset& dataset, const FirstPass& pass);

}  // namespace clb::data
