// Rows named by their content: what a run is made of, and what an attempt ran with. Each function returns the row's local id and appends
// the row, and those that it points to, when it is new.
#pragma once

#include <clb/store/store.hpp>

#include "database.hpp"

namespace clb::store {

int64_t run_id(SQLite::Database& db, const base::RunSpec& spec);  // with its dataset, weights, protocol, config, experiment
int64_t machine_id(SQLite::Database& db, const Machine& machine);
int64_t build_id(SQLite::Database& db, const Build& build);
int64_t plugin_id(SQLite::Database& db, const char* kind, const std::string& name, const std::string& version, const std::string& hash);

std::string config_key(const base::RunSpec& spec);
std::string class_key(const Machine& machine);

}  // namespace clb::store
