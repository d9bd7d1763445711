// clbench import: rows measured elsewhere, marked as such.
#include <fmt/format.h>

#include <clb/base/file.hpp>
#include <clb/exchange/import.hpp>

#include "database.hpp"
#include "options.hpp"
#include "say.hpp"

namespace clb::cli {

namespace {

constexpr VerbText kImport{"import", "FILE.json", "rows measured elsewhere, marked as such in every table",
                           "clbench import their_numbers.json --db results.sqlite"};

constexpr uint64_t kMostBytes = uint64_t{64} << 20;

}  // namespace

int verb_import(const Arguments& arguments) {
  Options options(kImport);
  options.add_database();
  options.add_json();
  if (!options.parse(arguments, 1, 1)) return 0;
  const std::string& file = options.words()[0];
  const std::vector<store::ImportedRow> rows = exchange::read_import(base::read_file(file, kMostBytes), file);
  store::Store store = open_for_writing(options.text("db"));
  const size_t added = store.add_imported(rows);
  if (options.flag("json")) {
    const base::Json json{{"database", options.text("db")}, {"file", file}, {"rows", rows.size()}, {"new_rows", added}};
    fmt::print("{}\n", base::pretty(json));
  } else {
    say("{}: {} rows imported from {}, {} were there\n", options.text("db"), added, file, rows.size() - added);
  }
  return 0;
}

}  // namespace clb::cli
