// What a method with a text tower is told of the classes (clb/ext/text.h).
#pragma once

#include <clb/session/session.hpp>

namespace clb::session {

// Of the class at a position of the class order; lives as long as the session. PluginError CLB_E_INVALID for a class that the method may
// not know of yet.
const char* name_of_class(const Session& session, int64_t position);

}  // namespace clb::session
