clb_test(session_test fast
  ${CMAKE_CURRENT_LIST_DIR}/aux_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/features_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/protocol_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stream_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/text_features_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/vectors_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/views_test.cpp)
target_include_directories(session_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(session_test PRIVATE clb_session)
target_compile_options(session_test PRIVATE -Wno-missing-field-initializers)
clb_use_torch(session_test)
add_dependencies(session_test dataset_fashion_mnist dataset_features)
