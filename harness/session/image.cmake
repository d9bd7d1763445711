# Decoding and transforming images: a library of its own, so that its tests need nothing of the session.
set(_image ${CMAKE_CURRENT_LIST_DIR})
find_library(CLB_LIBZ NAMES libz.a REQUIRED)
find_library(CLB_LIBJPEG NAMES libjpeg.a REQUIRED)
find_library(CLB_LIBPNG NAMES libpng.a REQUIRED)

add_library(clb_image STATIC ${_image}/image_decode.cpp ${_image}/jpeg_decode.cpp ${_image}/png_decode.cpp ${_image}/resample.cpp
  ${_image}/jitter.cpp ${_image}/transform.cpp ${_image}/transform_batched.cpp ${_image}/transform_params.cpp)
target_include_directories(clb_image PUBLIC ${_image}/include)
target_link_libraries(clb_image PUBLIC clb_base PRIVATE ${CLB_LIBJPEG} ${CLB_LIBPNG} ${CLB_LIBZ})
clb_use_torch(clb_image)
# Without LibTorch. The kernels are worth vectorising in every build type, and a fused multiply-add would round otherwise than Pillow.
set_source_files_properties(${_image}/image_decode.cpp ${_image}/jpeg_decode.cpp ${_image}/png_decode.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
set_source_files_properties(${_image}/resample.cpp ${_image}/jitter.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS "-O3;-ffp-contract=off")
