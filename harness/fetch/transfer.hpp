// One try to get (the rest of) a file from one address.
#pragma once

#include <clb/fetch/download.hpp>
#include <string>

#include "part.hpp"

namespace clb::fetch {

struct Tried {
  enum class Then { kDone, kAgain, kNextAddress } then = Then::kDone;
  std::string why;  // the end of a sentence: "answers 404"
};

// WriteError: the disk.
Tried transfer(const std::string& url, const Source& source, Part& part, const Options& options);

}  // namespace clb::fetch
