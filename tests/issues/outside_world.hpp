// Runs of the method `outside` (tests/faults), each with a trick, beside others.
#pragma once

#include <clb/audit/audit.hpp>

#include "e2e/cli.hpp"

namespace clb::testing {

inline const char* const kMarked = "not ranked: a fresh process does not predict the same from the saved state";

class OutsideWorld : public World {
 public:
  // One run per list of parameters, then `more` in TOML.
  Ended run_tricks(const std::vector<std::string>& params, const std::string& more = "", std::vector<std::string> words = {}) const {
    std::string rest;
    for (size_t i = 1; i < params.size(); ++i) rest += "[[method]]\nid = \"elsewhere\"\nparams = { " + params[i] + " }\n";
    write_experiment(rest + more, "elsewhere", "params = { " + params.at(0) + " }\n");
    words.insert(words.end(), {"--plugin-path", std::string(CLB_BINARY_DIR) + "/tests/plugins"});
    return run(words);
  }
  // By method and, of `outside`, trick.
  std::map<std::string, store::RunRow> rows() const {
    std::map<std::string, store::RunRow> rows;
    for (store::RunRow& row : store::Store::open(database(), store::Store::Mode::kRead).runs()) {
      const base::Json& params = row.spec.at("method").at("params");
      const bool by_batch = params.value("by_batch", false);
      rows[params.contains("trick") ? params.at("trick").get<std::string>() + (by_batch ? " by batch" : "") : row.method] = row;
    }
    return rows;
  }
};

}  // namespace clb::testing
