# Writes OUTPUT, the source that says which commit this clbench was built from, if it is not that already.
get_filename_component(above "${SOURCE}" DIRECTORY)
set(ENV{GIT_CEILING_DIRECTORIES} "${above}")  # not the commit of some checkout around an unpacked archive
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR commit STREQUAL "")
  set(commit "unknown")  # not in a git checkout
endif()
set(text "#include \"build_id.hpp\"\n
namespace clb::cli {\n
const char* const kVersion = \"${VERSION}\";
const char* const kCommit = \"${commit}\";
const char* const kCompiler = \"${COMPILER}\";\n
}  // namespace clb::cli\n")
set(before "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} before)
endif()
if(NOT before STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
