// Features that the host had computed for a run, in its second look. They are in the run's cache already, and a look that computes them
// again costs more than everything else of a short run. So the process that takes the samples out of the data takes their cached rows too,
// and the looking process serves these; but of each segment of the cache the first look of a launcher computes its rows afresh and
// compares. What a method derives is never taken.
#pragma once

#include <clb/base/event.hpp>
#include <clb/base/json.hpp>
#include <clb/session/session.hpp>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace clb::session {

struct UsedFeatures {
  std::vector<std::string> host;  // kinds that the run's evaluations were served
  bool derives = false;           // and some of the method's own
  std::set<std::string> proven;   // segments (features::Features::Cached)
};
// header: of the run's saved state.
UsedFeatures used_features(const base::RunSpec& spec, const base::Json& header, std::set<std::string> proven);

struct TakenFeatures {
  std::string kind, folder;  // the folder of the cache
  std::set<std::string> segments;
  bool proven = false;
  torch::Tensor values{};  // [samples, columns] float32; only where they are taken

  base::Json to_json() const;
  static TakenFeatures from_json(const base::Json& json);
};

// In the process that takes samples: those kinds of which the run's cache holds the rows of all `samples` (of the evaluated split). None
// where a graphics card computes them.
std::vector<TakenFeatures> take_features(Session& session, const UsedFeatures& used, const std::vector<int64_t>& samples);
// Into a cache within `store`, by the samples' positions.
void write_features(Session& session, const std::vector<TakenFeatures>& taken, const std::filesystem::path& store);

// True: nothing is left that a looking process has to compute.
bool computes_none(const UsedFeatures& used, const std::vector<TakenFeatures>& taken);

// In the looking process, before any code of the method's is in it: from here on the session has these features of all its test samples,
// taken where they are proven, else computed; what the comparison shows goes into `result`.
void serve_features(Session& session, const std::vector<TakenFeatures>& taken, const std::filesystem::path& store, base::Look& result);

}  // namespace clb::session
