#include <clb/stream/sample_ids.hpp>

namespace clb::stream {

int64_t SampleIds::id(int64_t index) {
  int64_t& id = ids_[static_cast<size_t>(index)];
  if (id >= 0) return id;
  id = static_cast<int64_t>(keys_.number("sample id", {index}) >> 1);
  index_of_.emplace(id, index);
  return id;
}

std::vector<int64_t> SampleIds::ids(std::span<const int64_t> indices) {
  std::vector<int64_t> ids;
  ids.reserve(indices.size());
  for (int64_t index : indices) ids.push_back(id(index));
  return ids;
}

// All of `among` are computed: a method that goes on after an interruption knows ids that this process has not given out.
SampleIds::Finder::Finder(SampleIds& ids, std::span<const int64_t> among) : ids_(ids), among_(ids.ids_.size()) {
  for (int64_t index : among) {
    ids.id(index);
    among_[static_cast<size_t>(index)] = true;
  }
}

std::optional<int64_t> SampleIds::Finder::index(int64_t id) const {
  const auto found = ids_.index_of_.find(id);
  if (found == ids_.index_of_.end() || !among_[static_cast<size_t>(found->second)]) return std::nullopt;
  return found->second;
}

}  // namespace clb::stream
