# The installed prefix: bin, lib/clbench, lib/libtorch, share/clbench, and what an out-of-tree plugin needs (headers, static libraries,
# package "clbench"). Programs, plugins, recipes and experiments install themselves. Only the link to LibTorch names another folder.
# The build tree has the same package at the same place, so that plugins can be built against it too.
if(NOT CLB_TORCH)
  return()  # no runner, no nn: nothing to build plugins for
endif()
include(CMakePackageConfigHelpers)

get_filename_component(_libtorch "${CLB_LIBTORCH}" REALPATH)
file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
file(CREATE_LINK "${_libtorch}" "${PROJECT_BINARY_DIR}/lib/libtorch" SYMBOLIC)
install(CODE "
  file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib\")
  file(CREATE_LINK \"${_libtorch}\" \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/libtorch\" SYMBOLIC)
  message(STATUS \"Linked: \${CMAKE_INSTALL_PREFIX}/lib/libtorch -> ${_libtorch}\")")

set(_package lib/cmake/clbench)
set(_development clb_abi clb_sdk clb_packed_file clb_image_tree clb_io clb_base clb_nn clb_text)
install(DIRECTORY harness/base/include/clb harness/base/io/include/clb harness/nn/include/clb harness/text/include/clb DESTINATION include)
install(TARGETS ${_development} EXPORT clbenchTargets ARCHIVE DESTINATION lib INCLUDES DESTINATION include)
install(EXPORT clbenchTargets DESTINATION ${_package})
export(EXPORT clbenchTargets FILE ${PROJECT_BINARY_DIR}/${_package}/clbenchTargets.cmake)
# A plugin links the static library of nn: the same minor version of LibTorch, as the loader demands it too.
string(REGEX REPLACE "^([0-9]+)\\.([0-9]+).*" "\\1.\\2" _minor "${LibTorch_VERSION}")
set(_libtorch_range "${_minor}...${_minor}.99")
configure_package_config_file(cmake/clbenchConfig.cmake.in ${PROJECT_BINARY_DIR}/${_package}/clbenchConfig.cmake
  INSTALL_DESTINATION ${_package})
# Major 0: another minor may have another ABI.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/${_package}/clbenchConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(cmake/ClbPlugin.cmake ${PROJECT_BINARY_DIR}/${_package}/ClbPlugin.cmake COPYONLY)
configure_file(cmake/FindLibTorch.cmake ${PROJECT_BINARY_DIR}/${_package}/FindLibTorch.cmake COPYONLY)
install(DIRECTORY ${PROJECT_BINARY_DIR}/${_package}/ DESTINATION ${_package} PATTERN "clbenchTargets*" EXCLUDE)
