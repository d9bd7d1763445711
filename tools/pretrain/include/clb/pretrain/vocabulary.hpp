// A vocabulary for the tokeniser of clb/text/clip_tokens.hpp, learned from sentences about formula images.
#pragma once

#include <cstdint>
#include <string>

namespace clb::pretrain {

// The file's text: a title with the number of merges, then pairs of symbols by falling frequency (Sennrich et al., ACL 2016), fewer than
// `merges` where nothing is left to unite. With them every word of the sentences is one token; any other text is made of bytes.
std::string learn_vocabulary(int64_t merges);

bool is_vocabulary(std::string_view begin);  // by the first bytes of a file

}  // namespace clb::pretrain
