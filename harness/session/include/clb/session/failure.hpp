// An exception of the host, of LibTorch or of a plugin as the last event of a runner.
#pragma once

#include <clb/base/event.hpp>

namespace clb::session {

base::Failed current_failure();  // inside a catch; without task and phase

}  // namespace clb::session
