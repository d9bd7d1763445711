# clb_add_method(NAME SOURCES...) and clb_add_dataset(NAME SOURCES...): one call builds and installs a plugin. With CLB_TEST_PLUGINS set it
# goes to tests/plugins of the build tree and is not installed.

function(_clb_plugin target kind entry name)
  set(place lib/clbench/${kind}s)
  if(CLB_TEST_PLUGINS)
    set(place tests/plugins)
  endif()
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${place})
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${name}.map)
  file(WRITE ${script} "{ global: ${entry}; clb_plugin_meta; local: *; };\n")
  target_link_options(${target} PRIVATE -Wl,--version-script=${script} $<$<CONFIG:Release>:-s>)
  # A forgotten library is an error of the build, not of the first run. What a sanitizer puts in, the program that loads the plugin has.
  if(NOT "${CLB_SANITIZE} ${CMAKE_CXX_FLAGS} ${CMAKE_MODULE_LINKER_FLAGS}" MATCHES "-fsanitize|address|thread")
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${target} PROPERTIES LINK_DEPENDS ${script} SKIP_BUILD_RPATH ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON CXX_EXTENSIONS OFF)
  if(CLB_TEST_PLUGINS)
    return()
  endif()
  install(TARGETS ${target} LIBRARY DESTINATION ${place})
  set_property(GLOBAL APPEND PROPERTY CLB_${kind}_PLUGINS ${target})
endfunction()

function(clb_add_method name)
  add_library(method_${name} MODULE ${ARGN})
  target_link_libraries(method_${name} PRIVATE clb_sdk clb_nn clb_text)
  clb_use_torch(method_${name})
  _clb_plugin(method_${name} method clb_method_v0 ${name})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/presets)
    install(DIRECTORY presets/ DESTINATION share/clbench/presets/${name})
    file(GLOB presets RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/presets CONFIGURE_DEPENDS presets/*.toml)
    foreach(preset ${presets})  # configure_file: an edited preset is copied again by the next build
      configure_file(presets/${preset} ${PROJECT_BINARY_DIR}/share/clbench/presets/${name}/${preset} COPYONLY)
    endforeach()
  endif()
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/method.toml)  # paper, code, licence and family, for the leaderboard
    install(FILES method.toml DESTINATION share/clbench/methods RENAME ${name}.toml)
    configure_file(method.toml ${PROJECT_BINARY_DIR}/share/clbench/methods/${name}.toml COPYONLY)
  endif()
endfunction()

function(clb_add_dataset name)
  add_library(dataset_${name} MODULE ${ARGN})
  target_link_libraries(dataset_${name} PRIVATE clb_sdk clb_packed_file clb_io)
  _clb_plugin(dataset_${name} dataset clb_dataset_v0 ${name})
endfunction()
