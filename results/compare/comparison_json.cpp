// Everything that a comparison says, unrounded.
#include <clb/store/table_key.hpp>

#include "conclusion.hpp"

namespace clb::compare {
namespace {

using base::Json;

Json interval_json(const stats::Interval& i) { return {{"low", i.low}, {"high", i.high}}; }

Json difference_json(const Difference& d) {
  Json json{{"metric", d.metric->id},
            {"version", d.metric->version},
            {"n", d.units.values.size()},
            {"pairs", d.a.size()},
            {"a", d.a},
            {"b", d.b}};
  if (d.a.empty()) return json;
  json["mean_a"] = d.mean_a;
  json["mean_b"] = d.mean_b;
  json["difference"] = d.mean;
  json["interval"] = d.interval ? interval_json(*d.interval) : Json(nullptr);
  json["sign_flip"] = {{"p", d.sign_flip->p}, {"exact", d.sign_flip->exact}};
  json["p"] = d.p ? Json(*d.p) : Json(nullptr);
  json["units"] = d.units.text();
  json["over_images"] = d.over_images;
  json["unit_differences"] = d.units.values;
  json["probability_a_better"] = d.better ? Json(*d.better) : Json(nullptr);
  return json;
}

Json flips_json(const std::vector<Flips>& list) {
  Json json = Json::array();
  for (size_t task = 0; task < list.size(); ++task) {
    const Flips& f = list[task];
    json.push_back({{"task", task},
                    {"n", f.n},
                    {"changed", f.changed},
                    {"only_a", f.only_a},
                    {"only_b", f.only_b},
                    {"p", f.p ? Json(*f.p) : Json(nullptr)}});
  }
  return json;
}

Json side_json(const Series& series, const std::vector<RunId>& ids) {
  Json runs = Json::array();
  for (const RunId& id : ids) {
    const store::RunRow& run = series.runs.at(id).ok.back();
    runs.push_back({{"key", run.key}, {"attempt", run.uuid}, {"commit", run.commit}, {"plugin_hash", run.plugin_hash}});
  }
  return {{"method", series.method},
          {"preset", series.preset},
          {"config_key", series.config_key},
          {"precision", series.precision},
          {"joint", series.joint},
          {"params", series.spec.value("/method/params"_json_pointer, Json())},
          {"runs", runs}};
}

const char* word_of(Finding finding) {
  switch (finding) {
    case Finding::kABetter:
      return "a_better";
    case Finding::kBBetter:
      return "b_better";
    case Finding::kNotApart:
      return "not_distinguishable";
    case Finding::kSame:
      return "same_predictions";
    case Finding::kCannotTell:
      break;
  }
  return "cannot_tell";
}

Json matched_json(const Matched& m) {
  Json pairs = Json::array(), differences = Json::array();
  for (const RunId& id : m.ids) pairs.push_back({{"seed", id.seed}, {"order_seed", id.order_seed}});
  for (const Difference& d : m.differences) differences.push_back(difference_json(d));
  return {
      {"setting", m.setting},
      {"comparability_key", store::table_key(m.a.spec, m.a.comparability_key)},
      {"section_key", m.a.comparability_key},
      {"a", side_json(m.a, m.ids)},
      {"b", side_json(m.b, m.ids)},
      {"config_difference", m.config_difference},
      {"pairs", pairs},
      {"without_partner", {{"a", m.unpaired_a}, {"b", m.unpaired_b}}},
      {"shared_attempts", m.shared},
      {"differences", differences},
      {"flips", {{"after_task", flips_json(m.flips.after_task)}, {"on_task", flips_json(m.flips.on_task)}, {"missing", m.flips.missing}}},
      {"finding", word_of(m.finding)}};
}

}  // namespace

std::string comparison_json(const Comparison& c) {
  Json json{{"version", 2},
            {"a", c.a.text},
            {"b", c.b.text},
            {"settings", Json::array()},
            {"notes", c.notes},
            {"conclusion", c.conclusion},
            {"cannot_tell", c.cannot_tell}};
  for (const Matched& m : c.matched) json["settings"].push_back(matched_json(m));
  if (c.overall)
    json["over_settings"] = {{"settings", c.overall->settings},
                             {"mean_a", c.overall->mean_a},
                             {"mean_b", c.overall->mean_b},
                             {"difference", c.overall->mean},
                             {"interval", interval_json(c.overall->interval)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace clb::compare
