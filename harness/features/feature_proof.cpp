// Do the features that a method derives still come out as they did? A hash that does not follow its part (taken once, before the part was
// trained on) would let the host serve old rows beside new ones, and every image would carry its task in its features.
//
// Whole batches are extracted again, as they were put together the first time: so the numbers must agree in every bit. The plugin sees no
// image that it would not see if nothing had been there.
#include <algorithm>
#include <bit>
#include <clb/features/features.hpp>
#include <clb/sdk/error.hpp>
#include <cstring>
#include <map>
#include <set>

namespace clb::features {
namespace {

// By which two extractions may differ, as a part of the largest number of a row: on a card, where sums may be taken in another order, and
// for a batch that cannot be put together as it was.
double tolerance(torch::ScalarType dtype) { return dtype == torch::kBFloat16 ? 2e-2 : 1e-3; }

bool same(const float* was, const float* is, int64_t dim, double tolerance) {
  if (std::memcmp(was, is, static_cast<size_t>(dim) * sizeof(float)) == 0) return true;
  if (tolerance == 0) return false;
  double largest = 0, apart = 0;
  for (int64_t k = 0; k < dim; ++k) {
    largest = std::max(largest, std::abs(static_cast<double>(was[k])));
    apart = std::max(apart, std::abs(static_cast<double>(was[k]) - is[k]));
  }
  return apart <= tolerance * largest;  // false for what is not a number
}

}  // namespace

void Features::expect_unchanged() const {
  if (!changed_.empty()) throw PluginError(CLB_E_INVALID, changed_, "", 0);
}

// At the first request in each call of the method, whose part may have changed since the one before; then ever more seldom.
bool Features::is_due(Rows& rows) const {
  const std::string call = run_.spans.phase() + " of task " + std::to_string(run_.task);
  if (rows.call != call) rows.asked = 0;
  rows.call = call;
  return std::has_single_bit(static_cast<uint64_t>(++rows.asked));
}

// One batch of each part that came from disk and has not been looked at, and, when that is due, one of the others: those that are put
// together of `ids` alone come first, and among them a key chooses.
void Features::prove(const Source& source, Rows& rows, Split split, const std::vector<int64_t>& ids, bool due) {
  using Places = std::vector<FeatureCache::Place>;
  FeatureCache& cache = *rows.cache;
  std::map<std::pair<size_t, size_t>, Places> batches;  // by part and number in it
  for (int64_t id : ids) {
    if (!cache.has(id)) continue;
    const auto at = cache.place(id);
    batches[{at.part, at.row / static_cast<size_t>(batch_size())}].push_back(at);
  }
  const auto share = [&](const auto& batch) {  // of its rows that are among `ids`
    const auto& [place, wanted] = batch;
    const size_t first = place.second * static_cast<size_t>(batch_size());
    return static_cast<double>(wanted.size()) /
           static_cast<double>(std::min(cache.part(place.first).ids.size() - first, static_cast<size_t>(batch_size())));
  };
  const auto choose = [&](auto may) -> const Places* {
    double most = 0;
    for (const auto& batch : batches)
      if (may(batch.first.first)) most = std::max(most, share(batch));
    std::vector<const Places*> fit;
    for (const auto& batch : batches)
      if (may(batch.first.first) && share(batch) == most) fit.push_back(&batch.second);
    return fit.empty() ? nullptr : fit[run_.keys.number("proof", {run_.task, rows.proofs++}) % fit.size()];
  };
  std::vector<const Places*> chosen;
  std::set<size_t> unknown;
  for (const auto& batch : batches) {
    const size_t part = batch.first.first;
    if (cache.part(part).proven) continue;
    unknown.insert(part);
    chosen.push_back(choose([&](size_t k) { return k == part; }));
    cache.part(part).proven = true;
  }
  if (due) chosen.push_back(choose([&](size_t k) { return !unknown.contains(k); }));
  for (const Places* places : chosen)
    if (places != nullptr) prove_batch(source, rows, split, *places);
}

void Features::prove_batch(const Source& source, Rows& rows, Split split, std::span<const FeatureCache::Place> places) {
  const auto& part = rows.cache->part(places[0].part);
  const size_t size = static_cast<size_t>(batch_size()), first = places[0].row / size * size,
               count = std::min(part.ids.size() - first, size);
  const bool whole = places.size() == count;
  std::vector<int64_t> ids(count, part.ids[places[0].row]);  // who is not asked for is stood in for
  for (const auto& at : places) ids[at.row - first] = part.ids[at.row];
  const auto values = compute_batch(source, images(images_of(source), split, ids)).to(torch::kCPU).contiguous();
  const double allowed = whole && !run_.device.is_cuda() ? 0 : tolerance(run_.dtype);
  for (const auto& at : places) {
    const float* now = values.const_data_ptr<float>() + static_cast<int64_t>(at.row - first) * source.dim;
    if (same(rows.cache->value(at), now, source.dim, allowed)) continue;
    changed_ = "the features \"" + source.name + "\" of " + (split == Split::kTrain ? "training" : "test") + " sample " +
               std::to_string(part.ids[at.row]) +
               " changed under an unchanged content hash, which must follow everything that extract depends on; after each training, "
               "register them anew under another name, with a hash taken then";
    throw PluginError(CLB_E_INVALID, changed_, "", 0);
  }
}

}  // namespace clb::features
