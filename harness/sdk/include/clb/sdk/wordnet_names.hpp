// What the WordNet ids are called that ImageNet and the data sets drawn from it have as names of classes.
#pragma once

#include <string>
#include <vector>

namespace clb {

// "n01443537" becomes "goldfish"; an id that is not in ImageNet-1k stays as it is. Two pairs of classes share a name, "crane" and
// "maillot".
std::vector<std::string> wordnet_names(std::vector<std::string> ids);

}  // namespace clb
