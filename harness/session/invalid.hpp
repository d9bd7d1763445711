// What a method asks of the host and cannot get. No place in a source: the call that was wrong is the method's.
#pragma once

#include <clb/sdk/error.hpp>
#include <string>

namespace clb::session {

[[noreturn]] inline void invalid(const std::string& text) { throw PluginError(CLB_E_INVALID, text, "", 0); }

}  // namespace clb::session
