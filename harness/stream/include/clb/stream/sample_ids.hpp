// The opaque ids of training samples: hashes that a method can use but not read. Each is computed once, when it is first needed.
#pragma once

#include <clb/stream/keys.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace clb::stream {

class SampleIds {
 public:
  SampleIds(const Keys& keys, int64_t samples) : keys_(keys), ids_(static_cast<size_t>(samples), -1) {}

  int64_t id(int64_t index);  // at least 0
  std::vector<int64_t> ids(std::span<const int64_t> indices);

  // The sample of `among` with this id; nothing when it is none of theirs.
  class Finder {
   public:
    Finder(SampleIds& ids, std::span<const int64_t> among);
    std::optional<int64_t> index(int64_t id) const;

   private:
    const SampleIds& ids_;
    std::vector<bool> among_;
  };

 private:
  Keys keys_;
  std::vector<int64_t> ids_;  // by index; -1: not computed yet
  std::unordered_map<int64_t, int64_t> index_of_;
};

}  // namespace clb::stream
