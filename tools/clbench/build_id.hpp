// Which clbench this is. The values are written by build_id.cmake.
#pragma once

namespace clb::cli {

extern const char* const kVersion;   // "0.1.0"
extern const char* const kCommit;    // "3d5e14650c57", "3d5e14650c57-dirty", "unknown" outside a checkout
extern const char* const kCompiler;  // "GNU 12.2.0"

}  // namespace clb::cli
