// Failed attempts that a person has asked to repeat (forgiven.json). A job that starts again after it was pre-empted repeats no run that
// failed, since it would fail likewise; after `sweep retry --failed` it repeats it, once.
#pragma once

#include <clb/sweep/folder.hpp>
#include <set>
#include <string>

namespace clb::sweep {

std::set<std::string> forgiven(const Folder& folder);                       // UUIDs of attempts
void forgive(const Folder& folder, const std::set<std::string>& attempts);  // these, too

}  // namespace clb::sweep
