# Finds LibTorch in the folder CLB_LIBTORCH (the wheel's "torch" folder or an unpacked libtorch) without a CUDA toolkit.
# Defines the imported target LibTorch::LibTorch (torch_cpu and c10) and LibTorch_VERSION.
if(NOT CLB_LIBTORCH)
  if(DEFINED ENV{CLB_LIBTORCH})
    set(CLB_LIBTORCH "$ENV{CLB_LIBTORCH}" CACHE PATH "folder of LibTorch that holds include/ and lib/")
  elseif(DEFINED ENV{CLB_LIBTORCH_HOME}) # where tools/setup/setup.sh was told to install it
    set(CLB_LIBTORCH "$ENV{CLB_LIBTORCH_HOME}/torch" CACHE PATH "folder of LibTorch that holds include/ and lib/")
  else()
    set(CLB_LIBTORCH "${PROJECT_SOURCE_DIR}/third_party/libtorch/torch" CACHE PATH "folder of LibTorch that holds include/ and lib/")
  endif()
endif()

find_path(LibTorch_INCLUDE_DIR ATen/ATen.h PATHS "${CLB_LIBTORCH}/include" NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS "${CLB_LIBTORCH}/lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS "${CLB_LIBTORCH}/lib" NO_DEFAULT_PATH)
if(LibTorch_INCLUDE_DIR)
  file(STRINGS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h" _lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH)")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" LibTorch_VERSION "${_lines}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  HANDLE_VERSION_RANGE
  REASON_FAILURE_MESSAGE "not in ${CLB_LIBTORCH}: run tools/setup/setup.sh in the tree of clbench, or give -DCLB_LIBTORCH=DIR")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION "${LibTorch_C10_LIBRARY}")
  add_library(LibTorch::torch_cpu SHARED IMPORTED)
  set_target_properties(LibTorch::torch_cpu PROPERTIES IMPORTED_LOCATION "${LibTorch_CPU_LIBRARY}")
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE
    "${LibTorch_INCLUDE_DIR}" "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
  target_compile_definitions(LibTorch::LibTorch INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
  target_link_libraries(LibTorch::LibTorch INTERFACE LibTorch::torch_cpu LibTorch::c10)
endif()
