// `clbench leaderboard`: a static site of everything in a database, for a browser without network, and readable without JavaScript.
//
// index.html has the front (methods x data sets) and a table for each comparability key, with sections, badges, plots and what is missing;
// method/ID.html and run/KEY.html lead to the runs; compare.html puts two rows side by side; changes.html says what came and went since the
// site was made before, which changes.json keeps; data.json and data.csv hold all numbers that are shown. Pages are mustache templates
// (share/leaderboard).
#pragma once

#include <clb/reference/about.hpp>
#include <clb/reference/claims.hpp>
#include <clb/report/reference.hpp>
#include <clb/store/store.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace clb::report {

// What `clbench validate PLUGIN.so --json` found. It speaks of runs of this plugin file with these parameters.
struct Validation {
  std::string plugin_hash;
  base::Json params;                         // values it was validated with
  std::set<std::string> declared;            // parameters that had smaller values for validation: those of a run may differ
  bool all = false;                          // checks were carried out, not a choice of them
  std::map<std::string, std::string> leaks;  // checks of leaks that do not pass, and why; declared as expected or not
  std::map<std::string, std::string> others;

  static Validation from_json(const base::Json& json, const std::string& file);  // Error for anything else
  bool speaks_of(const std::string& plugin_hash, const base::Json& params) const;
};

struct LeaderboardOptions {
  std::filesystem::path out;                    // folder; made when it is not there; what is in it and not of an earlier site stays
  bool force = false;                           // replaces files of the site's names that no earlier site of clbench wrote
  std::vector<std::filesystem::path> inputs{};  // files that are never written over: the database, ...
  std::filesystem::path templates;              // *.mustache, style.css, *.js
  std::string experiment;                       // only runs of this experiment name; empty: all
  std::string title = "clbench leaderboard";
  bool all_pages = true;                            // false: the index alone, whose links to methods and runs lead nowhere yet
  std::vector<Validation> validations;              // empty: pages say nothing of validation
  std::map<std::string, reference::About> about{};  // by method
  std::string version{};                            // of clbench, for the foot of the pages
  std::set<std::string> submitted{};                // UUIDs of attempts that somebody else made
  // What an audit of the database found, by run key: "" where the run was recounted and is the same, else why not. Nothing: none was made.
  std::optional<std::map<std::string, std::string>> recounted{};
  std::map<std::string, std::string> weight_names{};  // by SHA-256; others are called by their files
  // Weights (SHA-256) and data (fingerprint) whose pre-training labels overlap, and what to say of it; "" when they do not.
  std::function<std::string(const std::string& weights, const std::string& fingerprint)> overlap;
  // Is there a published number for what this spec computes? And the numbers beside such runs, of all methods.
  std::function<bool(const base::Json& spec)> is_published;
  std::function<std::vector<AgainstReference>(const std::vector<MeasuredRun>&)> compare;
  std::vector<reference::Claim> claims{};  // judged below the tables
  std::function<void(const std::string& what, size_t done, size_t total)> progress;
};

// Error when `out` is no folder, or when what every site has (index.html, ...) is there and is not of a site of clbench. Before long work.
void require_site(const LeaderboardOptions& options);

// Error for a folder that cannot be written, a file in it that is not of an earlier site, or a template that is broken; every name is
// looked at before the first file is written. Returns the number of pages.
size_t write_leaderboard(const store::Store& store, const LeaderboardOptions& options);

}  // namespace clb::report
