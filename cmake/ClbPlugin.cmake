# clb_add_method(NAME SOURCES...) and clb_add_dataset(NAME SOURCES...): one call builds and installs a plugin.

function(_clb_plugin target kind entry name)
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/clbench/${kind}s)
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${name}.map)
  file(WRITE ${script} "{ global: ${entry}; clb_plugin_meta; local: *; };\n")
  target_link_options(${target} PRIVATE -Wl,--version-script=${script} $<$<CONFIG:Release>:-s>)
  set_target_properties(${target} PROPERTIES LINK_DEPENDS ${script} SKIP_BUILD_RPATH ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON CXX_EXTENSIONS OFF)
  install(TARGETS ${target} LIBRARY DESTINATION lib/clbench/${kind}s)
  set_property(GLOBAL APPEND PROPERTY CLB_${kind}_PLUGINS ${target})
endfunction()

function(clb_add_method name)
  add_library(method_${name} MODULE ${ARGN})
  target_link_libraries(method_${name} PRIVATE clb_sdk clb_nn)
  clb_use_torch(method_${name})
  _clb_plugin(method_${name} method clb_method_v0 ${name})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/presets)
    install(DIRECTORY presets/ DESTINATION share/clbench/presets/${name})
    file(COPY presets/ DESTINATION ${PROJECT_BINARY_DIR}/share/clbench/presets/${name})
  endif()
endfunction()

function(clb_add_dataset name)
  add_library(dataset_${name} MODULE ${ARGN})
  target_link_libraries(dataset_${name} PRIVATE clb_sdk clb_packed_file)
  _clb_plugin(dataset_${name} dataset clb_dataset_v0 ${name})
endfunction()
