# The installed prefix: bin, lib/clbench, lib/libtorch, share/clbench, and what an out-of-tree plugin needs (headers, static libraries,
# package "clbench"). Programs, plugins, recipes and experiments install themselves. Only the link to LibTorch names another folder.
include(CMakePackageConfigHelpers)

if(CLB_TORCH)
  get_filename_component(_libtorch "${CLB_LIBTORCH}" REALPATH)
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
  file(CREATE_LINK "${_libtorch}" "${PROJECT_BINARY_DIR}/lib/libtorch" SYMBOLIC)
  install(CODE "
    file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib\")
    file(CREATE_LINK \"${_libtorch}\" \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/libtorch\" SYMBOLIC)
    message(STATUS \"Linked: \${CMAKE_INSTALL_PREFIX}/lib/libtorch -> ${_libtorch}\")")
endif()

set(_development clb_abi clb_sdk clb_packed_file clb_io clb_base)
install(DIRECTORY harness/base/include/clb harness/base/io/include/clb DESTINATION include)
if(CLB_TORCH)
  list(APPEND _development clb_nn)
  install(DIRECTORY harness/nn/include/clb DESTINATION include)
endif()
install(TARGETS ${_development} EXPORT clbenchTargets ARCHIVE DESTINATION lib INCLUDES DESTINATION include)
install(EXPORT clbenchTargets DESTINATION lib/cmake/clbench)
configure_package_config_file(cmake/clbenchConfig.cmake.in ${PROJECT_BINARY_DIR}/clbenchConfig.cmake
  INSTALL_DESTINATION lib/cmake/clbench)
# Major 0: another minor may have another ABI.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/clbenchConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/clbenchConfig.cmake ${PROJECT_BINARY_DIR}/clbenchConfigVersion.cmake
  cmake/ClbBuild.cmake cmake/ClbPlugin.cmake cmake/FindLibTorch.cmake DESTINATION lib/cmake/clbench)
