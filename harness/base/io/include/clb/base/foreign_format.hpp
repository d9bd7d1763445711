// What a file is that should be another one, by its first bytes: a pointer of Git LFS, a PyTorch file, a web page that a download left. Who
// reads foreign files says so in place of what it made of the bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace clb::base {

// The rest of a sentence that begins with the file's name: what it is and what to do; "" when nothing is recognised. A few hundred bytes
// of the file's beginning are enough.
std::string foreign_format(std::span<const uint8_t> begin);

// The same for what takes the place of files of every kind, whatever their bytes mean: pointers and web pages.
std::string stand_in(std::span<const uint8_t> begin);

}  // namespace clb::base
