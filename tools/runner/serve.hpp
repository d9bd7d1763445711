// The runner's side of harness/launch/fork_server.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace clb::runner {

// The runner dies with its launcher: by signal, and when the launcher was gone before the signal was set.
void die_with_launcher();

// Forks for each request. Returns in the child: the arguments to act upon, with everything else as the launcher wants it. nullopt, in the
// process that was called: the launcher has no more. Error (kInternal): threads are running, so that nothing may fork.
std::optional<std::vector<std::string>> serve();

}  // namespace clb::runner
