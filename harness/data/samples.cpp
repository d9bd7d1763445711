#include <algorithm>
#include <clb/data/samples.hpp>

namespace clb::data {

Samples::Samples(const base::DatasetSpec& dataset, const base::ExecutionSpec& execution, const SampleStore::Warn& warn,
                 const Progress& progress) {
  int64_t class_offset = 0;
  for (const base::DatasetSpec& part : dataset.parts()) {
    const SampleStore& store = *stores_.emplace_back(std::make_unique<SampleStore>(part, execution, warn, progress));
    if (dataset.sequence.empty()) return;
    for (const Split split : kSplits) {
      const auto s = static_cast<size_t>(split);
      for (const int64_t label : store.labels(split)) labels_[s].push_back(class_offset + label);
      domains_[s].resize(labels_[s].size(), static_cast<int64_t>(stores_.size()) - 1);
      ends_[s].push_back(static_cast<int64_t>(labels_[s].size()));
    }
    class_offset += part.class_count;
  }
}

std::span<const int64_t> Samples::labels(Split split) const {
  return stores_.size() == 1 ? stores_[0]->labels(split) : labels_[static_cast<size_t>(split)];
}

std::span<const int64_t> Samples::domains(Split split) const {
  return stores_.size() == 1 ? stores_[0]->domains(split) : domains_[static_cast<size_t>(split)];
}

Samples::Place Samples::place(Split split, int64_t index) const {
  if (stores_.size() == 1) return {*stores_[0], index};
  const auto& ends = ends_[static_cast<size_t>(split)];
  const auto at = std::upper_bound(ends.begin(), ends.end(), index);
  return {*stores_[static_cast<size_t>(at - ends.begin())], at == ends.begin() ? index : index - *(at - 1)};
}

SampleBytes Samples::read(Split split, int64_t index) {
  const Place at = place(split, index);
  return at.store.read(split, at.index);
}

int64_t Samples::bytes_of(Split split, int64_t index) const {
  const Place at = place(split, index);
  return at.store.bytes_of(split, at.index);
}

std::string Samples::name_of(Split split, int64_t index) const {
  const Place at = place(split, index);
  return at.store.name_of(split, at.index);
}

int64_t Samples::images_read() const {
  int64_t sum = 0;
  for (const auto& store : stores_) sum += store->images_read();
  return sum;
}

}  // namespace clb::data
