// clbench history: a series of runs over commits.
#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/compare/history.hpp>
#include <cstdlib>

#include "database.hpp"
#include "options.hpp"
#include "say.hpp"

namespace clb::cli {

namespace {

using store::Store;

constexpr VerbText kHistory{
    "history", "[SERIES [TEXT]]",
    "a series of runs over commits, with annotations and change points\n\n"
    "SERIES: the first characters of its key, or METHOD[/PRESET][,NAME=VALUE] when only one is of it; without it, all are\n"
    "listed. A series is one method with one configuration, setting, precision and machine class",
    "clbench history simplecil --annotate 3d5e14 'new bicubic resize'"};

int annotate(const Options& options, const std::string& series) {
  if (options.words().size() < 2)
    throw base::Error("history: --annotate COMMIT needs a text: clbench history SERIES --annotate COMMIT TEXT");
  const std::string text = options.words()[1];
  if (text.empty()) throw base::Error("history: the annotation is empty");
  const char* user = std::getenv("USER");
  // Read first: a database that is not there must not be made by a note about it.
  Store::open(options.text("db"), Store::Mode::kRead);
  Store store = open_for_writing(options.text("db"));
  const std::string commit = compare::annotate(store, series, options.text("annotate"), user ? user : "", text);
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(base::Json{{"commit", commit}, {"text", text}}));
  } else {
    say("{}: annotated\n", commit);
  }
  return 0;
}

}  // namespace

int verb_history(const Arguments& arguments) {
  Options options(kHistory);
  options.add_database();
  options.add()("metric", po::value<std::string>()->value_name("ID")->default_value("acc.last.sample"), "what is drawn");
  options.add()("annotate", po::value<std::string>()->value_name("COMMIT"), "append TEXT to this commit of the series");
  options.add()("csv", "print CSV instead of text");
  options.add_json();
  if (!options.parse(arguments, 0, 2)) return 0;
  const auto& words = options.words();
  if (words.empty()) {
    if (options.flag("annotate"))
      throw base::Error("history: --annotate needs SERIES and TEXT: clbench history SERIES --annotate COMMIT TEXT");
    if (options.flag("csv")) throw base::Error("history: --csv needs a SERIES; `clbench history` lists them");
    const auto list = compare::list_series(Store::open(options.text("db"), Store::Mode::kRead));
    fmt::print("{}", options.flag("json") ? series_json(list) : series_text(list));
    return 0;
  }
  if (options.flag("annotate")) return annotate(options, words[0]);
  if (words.size() > 1) throw base::Error(fmt::format("history: '{}' is one word too many; a text goes with --annotate COMMIT", words[1]));
  const compare::History history = compare::history(Store::open(options.text("db"), Store::Mode::kRead), words[0], options.text("metric"));
  fmt::print("{}", options.flag("json") ? history_json(history) : options.flag("csv") ? history_csv(history) : history_text(history));
  return 0;
}

}  // namespace clb::cli
