// clbench compare: two methods, presets, commits or databases, run by run.
#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/compare/comparison.hpp>

#include "options.hpp"

namespace clb::cli {

namespace {

constexpr VerbText kCompare{
    "compare", "A B",
    "two methods, presets, commits or databases on the same seeds and class orders\n\n"
    "A and B are [FILE][@COMMIT][:METHOD[/PRESET][,NAME=VALUE...]]: l2p, l2p/small, finetune,lr=0.03, old.sqlite,\n"
    "@3d5e14 (the runs of that commit in --db), old.sqlite@3d5e14:l2p/small. NAME is a parameter, precision, joint or\n"
    "config. One that names no method takes the other's; when neither does, equal configurations are compared.\n"
    "Without a commit the newest attempt at each run counts. Seeds decide, or class orders where several were run; equal\n"
    "results count once. Exit code 4: too few of them to tell",
    "clbench compare old.sqlite:l2p/small new.sqlite"};

}  // namespace

int verb_compare(const Arguments& arguments) {
  Options options(kCompare);
  options.add_database();
  options.add()("metrics", po::value<std::string>()->value_name("A,B")->default_value("acc.mean.sample,acc.last.sample,forget.max_prev"),
                "what to compare; the first that has a value decides");
  options.add_json();
  if (!options.parse(arguments, 2, 2)) return 0;
  const std::vector<std::string> metrics = split_list(options.text("metrics"));
  if (metrics.empty()) throw base::Error("compare: --metrics names no metric");
  const compare::Ref a = compare::parse_ref(options.words()[0], options.text("db"));
  const compare::Ref b = compare::parse_ref(options.words()[1], options.text("db"));
  const compare::Comparison comparison = compare::compare(a, b, metrics);
  fmt::print("{}", options.flag("json") ? comparison_json(comparison) : comparison_text(comparison));
  return static_cast<int>(comparison.cannot_tell ? base::Exit::kCannotTell : base::Exit::kOk);
}

}  // namespace clb::cli
