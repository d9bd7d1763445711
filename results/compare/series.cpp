#include <clb/meta.h>
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/sha256.hpp>
#include <clb/compare/series.hpp>
#include <clb/metrics/records.hpp>
#include <set>

#include <clb/compare/spec.hpp>

namespace clb::compare {
namespace {

using base::Json;

// How a ref says that a parameter has its neutral value, which a spec leaves out.
constexpr const char* kNeutral = "neutral";

RunId id_of(const store::RunRow& run) {
  const Json& p = run.spec.value("protocol", Json::object());
  return {run.seed, run.order_seed, base::canonical({p.value("class_order", Json()), p.value("domain_order", Json())})};
}

// Repetitions must have run the same code: those of an older build of the plugin or the runner are left out.
void keep_newest_build(Repetitions& repetitions) {
  if (repetitions.ok.empty()) return;
  const std::string plugin = repetitions.ok.back().plugin_hash, runner = repetitions.ok.back().runner_hash;
  std::erase_if(repetitions.ok, [&](const store::RunRow& r) { return r.plugin_hash != plugin || r.runner_hash != runner; });
}

Series empty_series(const store::RunRow& attempt, bool by_machine) {
  return {attempt.comparability_key,
          text_at(attempt.spec, "/method/id"),
          text_at(attempt.spec, "/method/preset"),
          attempt.config_key,
          text_at(attempt.spec, "/precision"),
          flag_at(attempt.spec, "/protocol/joint"),
          by_machine ? machine_class(attempt.machine) : "",
          {},
          {}};
}

std::map<std::string, std::string> settings_of(const Series& series) {
  std::map<std::string, std::string> settings{{"precision", series.precision}, {"joint", series.joint ? "true" : "false"}};
  const Json params = series.spec.value("/method/params"_json_pointer, Json::object());
  for (const auto& [name, value] : params.items()) settings[name] = value.is_string() ? value.get<std::string>() : base::canonical(value);
  return settings;
}

}  // namespace

std::string machine_class(const store::Machine& m) {
  return fmt::format("{}, {} cores{}{}", m.cpu.empty() ? "unknown CPU" : m.cpu, m.cores, m.gpu.empty() ? "" : ", ", m.gpu);
}

std::string Series::key() const {
  return base::hex(base::sha256(base::canonical({comparability_key, joint, config_key, machine_class, precision})));
}

std::string Series::name() const {
  return method + (preset.empty() ? "" : "/" + preset) + (precision == "fp32" ? "" : " " + precision) + (joint ? " joint" : "");
}

bool Series::frozen_features() const { return (capabilities(spec) & CLB_CAP_FROZEN_FEATURES) != 0; }

bool Series::repeatable() const { return (capabilities(spec) & (CLB_CAP_FROZEN_FEATURES | CLB_CAP_BITWISE)) != 0; }

std::vector<Series> series_of(const std::vector<store::RunRow>& attempts, bool by_machine) {
  std::vector<Series> all;
  std::map<std::string, size_t> index;
  for (const store::RunRow& attempt : attempts) {
    Series series = empty_series(attempt, by_machine);
    const auto [found, fresh] = index.try_emplace(series.key(), all.size());
    if (fresh) all.push_back(std::move(series));
    Series& kept = all[found->second];
    kept.spec = attempt.spec;
    Repetitions& repetitions = kept.runs[id_of(attempt)];
    (attempt.status.status == "ok" && !attempt.marked() ? repetitions.ok : repetitions.others).push_back(attempt);
  }
  for (Series& series : all) {
    for (auto& [id, repetitions] : series.runs) keep_newest_build(repetitions);
  }
  return all;
}

std::vector<store::RunRow> attempts_of(const std::vector<store::RunRow>& attempts, const std::string& key) {
  std::vector<store::RunRow> own;
  for (const store::RunRow& attempt : attempts) {
    if (empty_series(attempt, true).key() == key) own.push_back(attempt);
  }
  return own;
}

std::vector<std::string> ref_names(const std::vector<const Series*>& series) {
  std::map<std::string, std::map<std::string, std::set<std::string>>> values;  // method -> setting -> its values
  for (const Series* s : series) {
    for (const auto& [name, value] : settings_of(*s)) values[s->method][name].insert(value);
  }
  for (const Series* s : series) {
    const std::map<std::string, std::string> settings = settings_of(*s);
    for (auto& [name, known] : values[s->method])
      if (!settings.contains(name)) known.insert(kNeutral);
  }
  std::vector<std::string> names;
  for (const Series* s : series) {
    std::string name = s->method + (s->preset.empty() ? "" : "/" + s->preset);
    const std::map<std::string, std::string> settings = settings_of(*s);
    for (const auto& [setting, known] : values[s->method]) {
      if (known.size() < 2) continue;
      const auto own = settings.find(setting);
      name += fmt::format(",{}={}", setting, own == settings.end() ? kNeutral : own->second);
    }
    names.push_back(std::move(name));
  }
  std::map<std::string, std::set<std::string>> configs;  // two that look alike may differ in the training transform
  for (size_t i = 0; i < names.size(); ++i) configs[names[i]].insert(series[i]->config_key);
  for (size_t i = 0; i < names.size(); ++i) {
    if (configs[names[i]].size() > 1) names[i] += ",config=" + series[i]->config_key.substr(0, 8);
  }
  return names;
}

std::vector<const Series*> pointers(const std::vector<Series>& series) {
  std::vector<const Series*> list;
  for (const Series& s : series) list.push_back(&s);
  return list;
}

bool matches(const Series& series, const std::string& setting, const std::string& value, const std::vector<Series>& among) {
  if (setting == "config") return series.config_key.starts_with(value);
  const std::map<std::string, std::string> settings = settings_of(series);
  const auto found = settings.find(setting);
  if (found == settings.end())
    return value == kNeutral && std::ranges::any_of(among, [&](const Series& other) {
             return other.method == series.method && settings_of(other).contains(setting);
           });
  const Json have = Json::parse(found->second, nullptr, false), wanted = Json::parse(value, nullptr, false);
  return found->second == value || (have.is_number() && wanted.is_number() && have == wanted);
}

std::optional<double> value_of(const store::Store& store, const store::RunRow& attempt, const metrics::Metric& metric) {
  return metric.compute(metrics::records_of(store, attempt)).value;
}

}  // namespace clb::compare
