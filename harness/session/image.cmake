# Transforming images: a library of its own, so that its tests need nothing of the session.
set(_image ${CMAKE_CURRENT_LIST_DIR})

add_library(clb_image STATIC ${_image}/resample.cpp ${_image}/jitter.cpp ${_image}/transform.cpp ${_image}/transform_batched.cpp
  ${_image}/transform_params.cpp)
target_link_libraries(clb_image PUBLIC clb_image_decode clb_base)
clb_use_torch(clb_image)
# Without LibTorch. The kernels are worth vectorising in every build type, and a fused multiply-add would round otherwise than Pillow.
set_source_files_properties(${_image}/resample.cpp ${_image}/jitter.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS "-O3;-ffp-contract=off")
