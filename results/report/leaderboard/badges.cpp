#include "badges.hpp"

#include <clb/meta.h>
#include <clb/stream/shape.hpp>

#include <algorithm>
#include <cmath>

namespace clb::report {
namespace {

constexpr double kCollapsedPerplexity = 1.5;
constexpr double kEnoughUpdates = 100;

std::optional<Badge> published_badge(const std::vector<const AgainstReference*>& published) {
  std::string good, bad;
  bool implementation = false;
  for (const AgainstReference* c : published) {
    const std::string said = c->entry.metric + " " + fixed(c->ours->mean, 2) + ", published " + fixed(c->entry.value, 2) + " ± " +
                             shortest(c->entry.tolerance) + " (" + c->entry.citation + ")";
    if (c->verdict == "within tolerance" || c->verdict == "matches reference implementation") {
      good += (good.empty() ? "" : "; ") + said;
      implementation = implementation || c->entry.implementation;
    } else if (!c->verdict.starts_with("too few")) {
      bad += (bad.empty() ? "" : "; ") + said;
    }
  }
  if (!bad.empty()) return Badge{"deviates", "bad", bad};
  if (implementation) return Badge{"matches reference implementation", "good", good};
  if (!good.empty()) return Badge{"verified", "good", good};
  return std::nullopt;  // no published number under this key, or too few runs to compare: the normal case
}

// The results that speak of one of the row's runs; whole: of each of them, with all checks.
std::vector<const Validation*> validations_of(const TableRow& row, const LeaderboardOptions& options, bool& whole) {
  std::vector<const Validation*> found;
  whole = true;
  for (const RunResult& result : row.runs) {
    if (!result.ok()) continue;
    bool of_this = false;
    for (const Validation& v : options.validations) {
      if (!v.speaks_of(result.run.plugin_hash, row.params)) continue;
      found.push_back(&v);
      of_this = of_this || v.all;
    }
    whole = whole && of_this;
  }
  return found;
}

std::string reasons(const std::map<std::string, std::string>& checks) {
  std::string text;
  for (const auto& [check, why] : checks)
    text +=
        (text.empty() ? "" : "; ") + ("does not pass the check " + check + " of clbench validate") + (why.empty() ? "" : " (" + why + ")");
  return text;
}

std::vector<Badge> validation_badges(const TableRow& row, const LeaderboardOptions& options) {
  std::vector<Badge> badges;
  const auto claims = static_cast<uint64_t>(integer_at(row.spec, "/method/capabilities"));
  std::string why;
  const auto add = [&](const std::string& reason) { why += (why.empty() ? "" : "; ") + reason; };
  if (claims & CLB_CAP_BATCH_DEPENDENT) add("its predictions depend on the other samples of the test batch, as it says itself");
  if (claims & CLB_CAP_TASK_ID_TEST) add("it needs the task of every test sample, as it says itself");
  bool whole = true;
  std::map<std::string, std::string> leaks, others;
  for (const Validation* v : validations_of(row, options, whole)) {
    leaks.insert(v->leaks.begin(), v->leaks.end());
    others.insert(v->others.begin(), v->others.end());
  }
  if (!leaks.empty()) add(reasons(leaks));
  if (!why.empty()) badges.push_back({"leaks", "bad", why});
  if (!others.empty()) badges.push_back({"fails checks", "bad", reasons(others)});
  if (claims & CLB_CAP_STOCHASTIC)
    badges.push_back(
        {"drawn", "warn", "its predictions are drawn, as it says itself: whether they depend on the test batch is not checked"});
  if (!options.validations.empty() && !whole)
    badges.push_back({"not validated", "warn", "no result of clbench validate for this plugin file with these parameters"});
  return badges;
}

std::optional<Badge> collapse_badge(const TableRow& row) {
  const int64_t classes = stream::StreamShape::of_stored(row.spec).classes_learned();
  for (const RunResult& result : row.runs) {
    if (!result.ok()) continue;
    const std::optional<double> last = result.curve.empty() ? std::nullopt : result.curve.back();
    if (last && classes > 2 && *last < 2.0 / static_cast<double>(classes))
      return Badge{"collapsed", "bad",
                   "final accuracy " + percent(*last) + " % of seed " + std::to_string(result.run.seed) + " is below twice the chance of " +
                       std::to_string(classes) + " classes"};
    const auto layers = part_usage(result.scalars);
    const bool all = !layers.empty() && std::ranges::all_of(layers, [](const auto& layer) {
      const auto value = perplexity(layer.second.rbegin()->second);
      return value && *value < kCollapsedPerplexity;
    });
    if (all)
      return Badge{
          "collapsed", "bad",
          "one part (a prompt, an expert) does all the work in every layer: perplexity of usage below 1.5 in the last task, seed " +
              std::to_string(result.run.seed)};
  }
  return std::nullopt;
}

std::optional<Badge> training_badge(const TableRow& row) {
  std::optional<double> fewest;
  for (const RunResult& run : row.runs)
    if (run.fewest_updates) fewest = std::min(*run.fewest_updates, fewest.value_or(*run.fewest_updates));
  if (!fewest || *fewest >= kEnoughUpdates) return std::nullopt;
  return Badge{"under-trained", "warn", "a task of " + fixed(*fewest, 0) + " updates, fewer than 100"};
}

std::optional<Badge> overlap_badge(const TableRow& row, const LeaderboardOptions& options) {
  if (!options.overlap) return std::nullopt;
  for (const base::Json& weights : row.spec.value("weights", base::Json::array())) {
    const std::string why = options.overlap(text_at(weights, "/sha256"), text_at(row.spec, "/dataset/fingerprint"));
    if (!why.empty()) return Badge{"pre-training labels overlap", "warn", why};
  }
  return std::nullopt;
}

std::optional<Badge> look_badge(const TableRow& row) {
  for (const RunResult& result : row.runs)
    if (result.ok() && result.run.marked()) return Badge{"second look differs", "bad", look_text(result.run)};
  return std::nullopt;
}

}  // namespace

std::optional<double> perplexity(const std::vector<double>& usage) {
  double sum = 0, entropy = 0;
  for (const double count : usage) sum += count;
  if (!(sum > 0)) return std::nullopt;
  for (const double count : usage)
    if (count > 0) entropy -= count / sum * std::log(count / sum);
  return std::exp(entropy);
}

// "pool/0" of "usage/pool/0"; older methods wrote "pool_usage" and "pool_usage/0" for it.
static std::string usage_of(const std::string& metric) {
  constexpr std::string_view kNow = "usage/", kBefore = "pool_usage";
  if (metric.starts_with(kNow)) return metric.substr(kNow.size());
  if (metric == kBefore) return "pool";
  return metric.starts_with(std::string(kBefore) + "/") ? "pool" + metric.substr(kBefore.size()) : "";
}

std::map<std::string, std::map<int64_t, std::vector<double>>> part_usage(const std::vector<base::Metric>& scalars) {
  std::map<std::string, std::map<int64_t, std::vector<double>>> layers;
  for (const base::Metric& scalar : scalars) {  // by name, task, step: prompts come in order
    if (const std::string of = usage_of(scalar.name); !of.empty()) layers[of][scalar.task].push_back(scalar.value);
  }
  return layers;
}

std::vector<Badge> badges_of(const TableRow& row, const std::vector<const AgainstReference*>& published,
                             const LeaderboardOptions& options) {
  if (row.imported) return {};  // its level says it
  std::vector<Badge> badges;
  if (auto badge = published_badge(published)) badges.push_back(std::move(*badge));
  if (auto badge = look_badge(row)) badges.push_back(std::move(*badge));
  for (Badge& badge : validation_badges(row, options)) badges.push_back(std::move(badge));
  for (const std::optional<Badge>& badge : {collapse_badge(row), training_badge(row), overlap_badge(row, options)})
    if (badge) badges.push_back(*badge);
  return badges;
}

}  // namespace clb::report
