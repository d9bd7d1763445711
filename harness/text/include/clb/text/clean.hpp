// Text as CLIP's tokeniser cleans it before it looks for words.
#pragma once

#include <string>

namespace clb::text {

// What ftfy.fix_text (6.3) does by default, line by line until nothing changes: HTML references unless a "<" came before, C1 control
// characters as windows-1252, Latin ligatures taken apart, full and half width made ordinary, straight quotes, line breaks, terminal
// escapes and control characters removed, normal form C.
//
// Not done is what gave ftfy its name: guessing that a text was decoded with a wrong encoding ("cafÃ©" for "café", fix_encoding with its
// options). Such a text is taken as it is written.
std::u32string fix_text(const std::u32string& text);

// The tokeniser's cleaning: fix_text, HTML references twice, white space to single spaces, lower case.
std::u32string clip_clean(const std::u32string& text);

}  // namespace clb::text
