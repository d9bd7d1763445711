#include <algorithm>
#include <clb/sdk/wordnet_names.hpp>
#include <iterator>
#include <string_view>

namespace clb {

namespace {

struct Synset {
  std::string_view id, name;
};

constexpr Synset kSynsets[] = {
#include "wordnet_names.inc"
};

}  // namespace

std::vector<std::string> wordnet_names(std::vector<std::string> ids) {
  for (std::string& id : ids) {
    const auto* found =
        std::lower_bound(std::begin(kSynsets), std::end(kSynsets), id, [](const Synset& a, const std::string& b) { return a.id < b; });
    if (found != std::end(kSynsets) && found->id == id) id = found->name;
  }
  return ids;
}

}  // namespace clb
