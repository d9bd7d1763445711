# Run by `cmake --install` before anything is copied: what the install scripts of the build tree name must have been built, or the prefix
# would hold a part of it. BUILD: the build tree.

# Appends to `missing` what a script and those that it includes install and what is not there.
function(_clb_missing script)
  file(READ "${script}" text)
  string(REGEX MATCHALL "TYPE (EXECUTABLE|MODULE|SHARED_LIBRARY|STATIC_LIBRARY)[^\n]* FILES \"[^\"]+\"" installed "${text}")
  foreach(rule IN LISTS installed)
    string(REGEX REPLACE ".* FILES \"([^\"]+)\"" "\\1" file "${rule}")
    if(NOT EXISTS "${file}")
      file(RELATIVE_PATH file "${BUILD}" "${file}")
      list(APPEND missing "${file}")
    endif()
  endforeach()
  string(REGEX MATCHALL "include\\(\"[^\"]+/cmake_install.cmake\"\\)" included "${text}")
  foreach(line IN LISTS included)
    string(REGEX REPLACE "include\\(\"([^\"]+)\"\\)" "\\1" inner "${line}")
    _clb_missing("${inner}")
  endforeach()
  set(missing "${missing}" PARENT_SCOPE)
endfunction()

set(missing "")
_clb_missing("${BUILD}/cmake_install.cmake")
if(missing)
  list(LENGTH missing count)
  list(SUBLIST missing 0 3 first)
  list(JOIN first ", " first)
  file(RELATIVE_PATH build "${SOURCE}" "${BUILD}")
  message(FATAL_ERROR "${count} files are not built yet (${first}, ...), and nothing was installed. Build them all first:\n"
    "  cmake --build ${build}")
endif()
