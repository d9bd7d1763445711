set(_here ${CMAKE_CURRENT_LIST_DIR})
clb_test(transform_test fast
  ${_here}/transform_batch_test.cpp
  ${_here}/transform_decode_test.cpp
  ${_here}/transform_golden_test.cpp
  ${_here}/transform_jitter_test.cpp
  ${_here}/transform_params_test.cpp)
target_include_directories(transform_test PRIVATE ${_here}/.. ${_here})
target_link_libraries(transform_test PRIVATE clb_image clb_nn clb_base Threads::Threads)
clb_use_torch(transform_test)
target_compile_options(transform_test PRIVATE -Wno-missing-field-initializers)
