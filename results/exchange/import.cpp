#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>
#include <clb/exchange/import.hpp>
#include <clb/metrics/metric.hpp>
#include <cmath>
#include <numeric>

namespace clb::exchange {
namespace {

using base::Json;

constexpr size_t kMostText = 4096;  // bytes of one text
constexpr size_t kMostRows = 100'000;
constexpr int64_t kMostRuns = 100'000;  // behind one number

// A JSON object whose place is known.
class Object {
 public:
  Object(const Json& json, std::string place) : json_(json), place_(std::move(place)) {
    if (!json.is_object()) fail("", "must be an object");
  }

  [[noreturn]] void fail(const std::string& member, const std::string& problem) const {
    const char* dot = member.empty() || place_.ends_with(": ") ? "" : ".";
    throw base::Error(place_ + dot + member + " " + problem + "; docs/exchange.md describes the format");
  }

  const Json* find(const char* member) const {
    const auto found = json_.find(member);
    return found == json_.end() ? nullptr : &*found;
  }
  const Json& at(const char* member) const {
    const Json* found = find(member);
    if (!found) fail(member, "is missing");
    return *found;
  }
  std::string text(const char* member, bool needed) const {
    const Json* found = find(member);
    if (!found && !needed) return {};
    if (!at(member).is_string()) fail(member, "must be a text");
    const std::string value = at(member).get<std::string>();
    if (needed && value.empty()) fail(member, "must not be empty");
    if (value.size() > kMostText) fail(member, "has more than " + std::to_string(kMostText) + " bytes");
    for (const char c : value)
      if (static_cast<unsigned char>(c) < 0x20) fail(member, "holds a control character");
    return value;
  }
  int64_t integer(const char* member, int64_t low, int64_t high) const {
    const Json& value = at(member);
    const bool fits = value.is_number_unsigned()  ? value.get<uint64_t>() <= static_cast<uint64_t>(high)
                      : value.is_number_integer() ? value.get<int64_t>() <= high
                                                  : false;
    if (!fits || value.get<int64_t>() < low)
      fail(member, "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return value.get<int64_t>();
  }
  Object object(const char* member) const { return {at(member), inner(member)}; }
  std::string inner(const std::string& member) const { return place_ + (place_.ends_with(": ") ? "" : ".") + member; }

  void only(const std::vector<std::string>& members) const {
    for (const auto& [name, unused] : json_.items()) {
      if (std::find(members.begin(), members.end(), name) != members.end()) continue;
      const std::string near = base::nearest(name, members);
      fail(name.substr(0, 80), "is not known" + (near.empty() ? "" : ", did you mean " + near + "?"));
    }
  }

 private:
  const Json& json_;
  std::string place_;  // "file.json: rows[2]"
};

// Shares lie between 0 and 1, differences of shares between -1 and 1.
double fraction(const Object& where, const std::string& member, const Json& value, const metrics::Metric& metric) {
  if (!value.is_number()) where.fail(member, "must be a number");
  const double number = value.get<double>();
  const bool share = std::string_view(metric.id).starts_with("acc.") || metric.id == std::string_view("transfer");
  if (!std::isfinite(number) || number > 1 || number < (share ? 0 : -1))
    where.fail(member, std::string("must be a fraction from ") + (share ? "0" : "-1") + " to 1 (83.7 % is 0.837)");
  return number;
}

store::ImportedMetric metric_from(const Object& where, const metrics::Metric& metric) {
  where.only({"version", "values", "mean", "runs"});
  store::ImportedMetric result;
  result.id = metric.id;
  result.version = where.integer("version", 1, kMostRuns);
  if (result.version != metric.version)
    where.fail("version", "is " + std::to_string(result.version) + ", this clbench computes version " + std::to_string(metric.version));
  if (const Json* values = where.find("values")) {
    if (where.find("mean") || where.find("runs")) where.fail("values", "cannot stand beside mean and runs, which follow from it");
    if (!values->is_array() || values->empty() || values->size() > static_cast<size_t>(kMostRuns))
      where.fail("values", "must be a list of one number per run");
    for (size_t i = 0; i < values->size(); ++i)
      result.per_run.push_back(fraction(where, "values[" + std::to_string(i) + "]", values->at(i), metric));
    result.n = static_cast<int64_t>(result.per_run.size());
    result.mean = std::accumulate(result.per_run.begin(), result.per_run.end(), 0.0) / static_cast<double>(result.n);
  } else {
    result.n = where.integer("runs", 1, kMostRuns);
    result.mean = fraction(where, "mean", where.at("mean"), metric);
  }
  return result;
}

std::string key_from(const Object& row) {
  const std::string key = row.text("comparability_key", false);
  if (!key.empty() && (key.size() != 64 || key.find_first_not_of("0123456789abcdef") != std::string::npos))
    row.fail("comparability_key", "must be 64 hexadecimal digits, as `clbench export runs` prints them");
  return key;
}

store::ImportedRow row_from(const Object& row, const std::string& citation, const std::string& url) {
  row.only({"method", "setting", "dataset", "protocol", "weights", "comparability_key", "metrics"});
  store::ImportedRow result{citation,
                            url,
                            key_from(row),
                            row.text("dataset", true),
                            row.text("protocol", true),
                            row.text("weights", true),
                            row.text("method", true),
                            row.text("setting", false),
                            {}};
  const Object metrics = row.object("metrics");
  std::vector<std::string> known;
  for (const metrics::Metric& metric : metrics::registry()) {
    known.emplace_back(metric.id);
    if (metrics.find(metric.id)) result.metrics.push_back(metric_from(metrics.object(metric.id), metric));
  }
  metrics.only(known);
  if (result.metrics.empty()) row.fail("metrics", "must hold at least one metric");
  std::sort(result.metrics.begin(), result.metrics.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return result;
}

}  // namespace

std::vector<store::ImportedRow> read_import(std::string_view text, const std::string& name) {
  const Json json = base::parse_json(text, name);
  const Object file(json, name + ": ");
  file.only({"format", "version", "source", "rows"});
  if (file.text("format", true) != "clbench-import") file.fail("format", "must be \"clbench-import\"");
  file.integer("version", 1, 1);
  const Object source = file.object("source");
  source.only({"citation", "url"});
  const std::string citation = source.text("citation", true), url = source.text("url", false);
  const Json& list = file.at("rows");
  if (!list.is_array() || list.empty() || list.size() > kMostRows)
    file.fail("rows", "must be a list of 1 to " + std::to_string(kMostRows) + " rows");
  std::vector<store::ImportedRow> rows;
  for (size_t i = 0; i < list.size(); ++i) rows.push_back(row_from({list[i], name + ": rows[" + std::to_string(i) + "]"}, citation, url));
  return rows;
}

}  // namespace clb::exchange
