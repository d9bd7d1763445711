// One process works on a slot.
#pragma once

#include <clb/base/file.hpp>
#include <clb/sweep/folder.hpp>

namespace clb::sweep {

// A lock that a dead node has left where hosts share the folder (base::FileLock) is taken over when the scheduler knows that its job is
// over, or when that job is this one, which was queued again. Error: somebody works on it, or may.
base::FileLock lock_slot(const Folder& folder, int64_t slot);

// One process at a time hands jobs over, so that none is submitted twice. Error: another does.
base::FileLock lock_submission(const Folder& folder);

bool is_worked_on(const Folder& folder, int64_t slot);

}  // namespace clb::sweep
