// A pipe to a child.
#pragma once

#include <clb/base/descriptor.hpp>

namespace clb::launch {

using base::Descriptor;

// Both ends are close-on-exec; the reading end does not block.
struct Pipe {
  Descriptor read, write;
};
Pipe make_pipe();

}  // namespace clb::launch
