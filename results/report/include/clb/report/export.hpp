// `clbench export`: what a database holds, for other programs. Columns and their order are stable; new ones are added at the end.
// docs/exchange.md describes them.
#pragma once

#include <clb/store/store.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace clb::report {

std::vector<std::string> export_tables();  // "runs", "evals", "metrics", ...
std::vector<std::string> usual_tables();   // those that an export of everything holds: predictions would be most of it
std::vector<std::string> export_columns(const std::string& table);

using Sink = std::function<void(std::string_view)>;

// One table as CSV (RFC 4180), with a header. An empty field is a value that is not there.
void export_csv(const store::Store& store, const std::string& table, const Sink& sink);

// {"format": "clbench-export", "version": 1, "columns": {TABLE: [column, ...], ...}, TABLE: [{column: value, ...}, ...], ...}, a row on a
// line; null is a value that is not there.
void export_json(const store::Store& store, const std::vector<std::string>& tables, const Sink& sink);

// Does a file that begins like this hold an export? JSON says so, CSV has no room for a mark: there the header line has to be that of one
// of the tables.
bool is_export(std::string_view begin);

}  // namespace clb::report
