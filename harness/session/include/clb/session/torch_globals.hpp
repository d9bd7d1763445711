// LibTorch's globals, beside those of the process that clb/loader/globals.hpp watches.
#pragma once

namespace clb::session {

void watch_libtorch();  // once, before a plugin is loaded

}  // namespace clb::session
