// clbench merge: results files of many machines become one.
#include <fmt/format.h>

#include <clb/audit/audit.hpp>
#include <clb/base/error.hpp>
#include <clb/store/merge.hpp>
#include <cstdio>
#include <filesystem>

#include "options.hpp"
#include "progress_line.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr VerbText kMerge{"merge", "OUT IN...", "unite results files: the same in any order and when repeated",
                          "clbench merge all.sqlite node1.sqlite node2.sqlite --audit"};

constexpr size_t kMostFiles = 100'000;

// Nothing is merged when one number cannot be confirmed: who merges for others vouches for what is in the file.
bool sound(const fs::path& file) {
  const audit::Report report = audit::audit(file, {.run_key = {}, .facts = {}, .progress = progress_line(file.string(), "runs recounted")});
  for (const std::string& difference : report.differences) say(stderr, "{}: {}\n", file.string(), difference);
  for (const audit::RunAudit& run : report.runs) {
    for (const auto* list : {&run.differences, &run.unchecked})
      for (const std::string& sentence : *list) say(stderr, "{}: run {}: {}\n", file.string(), run.key.substr(0, 12), sentence);
  }
  return report.same() && report.unchecked() == 0;
}

}  // namespace

int verb_merge(const Arguments& arguments) {
  Options options(kMerge);
  options.add()("audit", "recount every input first, and merge nothing when one of them does not hold what it says");
  options.add_json();
  if (!options.parse(arguments, 2, kMostFiles)) return 0;
  const fs::path out = options.words()[0];
  const std::vector<fs::path> inputs(options.words().begin() + 1, options.words().end());

  if (options.flag("audit")) {
    std::string refused;
    for (const fs::path& input : inputs)
      if (!sound(input)) refused += (refused.empty() ? "" : ", ") + input.string();
    if (!refused.empty()) {
      say(stderr, "clbench: merge: refused {}: what is stored there cannot be confirmed; nothing was merged\n", refused);
      return static_cast<int>(base::Exit::kFailedRun);
    }
  }
  const store::MergeCounts counts = store::merge(out, inputs);
  if (options.flag("json")) {
    const base::Json json{{"out", out.string()},
                          {"inputs", options.words().size() - 1},
                          {"runs", counts.runs},
                          {"new_runs", counts.new_runs},
                          {"attempts", counts.attempts},
                          {"new_attempts", counts.new_attempts},
                          {"imported_rows", counts.imported}};
    fmt::print("{}\n", base::pretty(json));
    return 0;
  }
  say("{}: {} runs ({} new), {} attempts ({} new)\n", out.string(), counts.runs, counts.new_runs, counts.attempts, counts.new_attempts);
  return 0;
}

}  // namespace clb::cli
