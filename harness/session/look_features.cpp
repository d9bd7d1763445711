#include <algorithm>
#include <clb/base/path_text.hpp>
#include <clb/base/second_look.hpp>
#include <clb/features/feature_cache.hpp>
#include <clb/session/look_features.hpp>
#include <cstdio>
#include <cstring>
#include <numeric>

namespace clb::session {
namespace {

namespace fs = std::filesystem;
using base::Json;

features::FeatureCache beside(const fs::path& store, bool written, const std::string& kind, Session& s) {
  const std::string folder = store.string();
  return {{.own = written ? folder : "", .shared = written ? "" : folder},
          {{"kind", kind}},
          s.features.dim(kind),
          [&s](const std::string& text) { s.warn(text); }};
}

std::vector<int64_t> positions(size_t count) {
  std::vector<int64_t> all(count);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// Rows of [n, d] that are further apart than rounding explains, also those that are no numbers.
int64_t rows_apart(const torch::Tensor& was, const torch::Tensor& is, const std::string& precision) {
  const auto largest = was.abs().amax(1), apart = (was - is).abs().amax(1);  // [n]
  return apart.le(base::near_tie(precision) * largest).logical_not().sum().item<int64_t>();
}

}  // namespace

UsedFeatures used_features(const base::RunSpec& spec, const Json& header, std::set<std::string> proven) {
  UsedFeatures used{.host = {}, .derives = false, .proven = std::move(proven)};
  const size_t split = spec.protocol.evaluate_on == "test" ? 1 : 0;
  for (const auto& [kind, rows] : header.at("carried").at("features").at("accounted").items()) {
    if (rows.at(split).get<int64_t>() == 0) continue;
    if (kind.find(':') == std::string::npos)
      used.derives = true;
    else
      used.host.push_back(kind);
  }
  return used;
}

Json TakenFeatures::to_json() const {
  return {{"kind", kind}, {"folder", base::path_text(folder)}, {"segments", segments}, {"proven", proven}};
}

TakenFeatures TakenFeatures::from_json(const Json& json) {
  return {json.at("kind").get<std::string>(), base::path_bytes(json.at("folder").get<std::string>()),
          json.at("segments").get<std::set<std::string>>(), json.at("proven").get<bool>()};
}

std::vector<TakenFeatures> take_features(Session& s, const UsedFeatures& used, const std::vector<int64_t>& samples) {
  std::vector<TakenFeatures> taken;
  if (s.spec.execution.runner_hash.empty() || pick_device(s.spec.device).is_cuda()) return taken;
  for (const std::string& kind : used.host) {
    const auto found = s.features.cached(kind, s.evaluated_split(), samples);
    if (found) taken.push_back({kind, found->folder, found->segments, std::ranges::includes(used.proven, found->segments), found->values});
  }
  return taken;
}

void write_features(Session& s, const std::vector<TakenFeatures>& taken, const fs::path& store) {
  for (const TakenFeatures& features : taken)
    beside(store, true, features.kind, s).add(positions(static_cast<size_t>(features.values.size(0))), features.values, 0);
}

bool computes_none(const UsedFeatures& used, const std::vector<TakenFeatures>& taken) {
  return !used.derives && taken.size() == used.host.size() && std::ranges::all_of(taken, &TakenFeatures::proven);
}

void serve_features(Session& s, const std::vector<TakenFeatures>& taken, const fs::path& store, base::Look& result) {
  const auto all = positions(result.samples.size());
  for (const TakenFeatures& features : taken) {
    const auto cache = beside(store, false, features.kind, s);
    auto rows = torch::empty({static_cast<int64_t>(all.size()), cache.dim()}, torch::kFloat32);
    for (int64_t k : all) std::memcpy(rows[k].mutable_data_ptr(), cache.row(k), static_cast<size_t>(cache.dim()) * sizeof(float));
    const auto log = [&](const std::string& what) { std::fprintf(stderr, "features %s: %s\n", features.kind.c_str(), what.c_str()); };
    if (features.proven) {
      s.features.accept(features.kind, Split::kTest, all, rows);
      log(std::to_string(all.size()) + " rows taken from " + features.folder + ", proven by an earlier second look of this command");
      continue;
    }
    s.require_features({features.kind}, Split::kTest, {});
    const int64_t apart = rows_apart(rows, s.features.gather(features.kind, Split::kTest, all), s.spec.precision);
    log("computed, " + std::to_string(apart) + " of " + std::to_string(all.size()) + " other than in " + features.folder);
    if (apart == 0) result.proven.insert(result.proven.end(), features.segments.begin(), features.segments.end());
    if (apart > result.false_rows) result.false_folder = features.folder;
    result.false_rows = std::max(result.false_rows, apart);
  }
}

}  // namespace clb::session
