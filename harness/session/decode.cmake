# Decoding JPEG and PNG: the part of the session that needs no LibTorch, so that it is also fuzzed without it.
set(_decode ${CMAKE_CURRENT_LIST_DIR})
find_library(CLB_LIBJPEG NAMES libjpeg.a REQUIRED)
find_library(CLB_LIBPNG NAMES libpng.a REQUIRED)

add_library(clb_image_decode STATIC ${_decode}/image_decode.cpp ${_decode}/jpeg_decode.cpp ${_decode}/png_decode.cpp)
target_include_directories(clb_image_decode PUBLIC ${_decode}/include)
target_link_libraries(clb_image_decode PUBLIC clb_base PRIVATE ${CLB_LIBJPEG} ${CLB_LIBPNG} ${CLB_LIBZ})
