# Flags, compiler cache, memory-limited job pools and the precompiled header that every LibTorch target shares.

# What takes time is LibTorch's, SQLite's or a codec's, and -Og compiles our own in two thirds of the time of -O2. Loops of our own that take
# time ask for more where they stand: clb_fast(), or -O3 for a file.
if(CMAKE_CXX_FLAGS_RELEASE STREQUAL "-O3 -DNDEBUG")  # CMake's own, which nobody chose
  set(CMAKE_CXX_FLAGS_RELEASE "-Og -DNDEBUG")
endif()
# GCC collects its garbage from 1 GB of memory on; from 128 MB on, its own choice, that takes 7 % of the time of a large file.
add_compile_options("$<$<COMPILE_LANG_AND_ID:CXX,GNU>:SHELL:--param ggc-min-heapsize=1048576>")

add_compile_options(-Wall -Wextra -Wpedantic -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=
  -ffile-prefix-map=${PROJECT_BINARY_DIR}=build -ffunction-sections -fdata-sections)
# GCC 12 takes `"text" + std::to_string(n)` for an overlapping copy (GCC bug 105651).
add_compile_options($<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
if(CLB_WERROR)
  add_compile_options(-Werror)
endif()
if(CLB_SANITIZE)
  # With sanitizers GCC sees uninitialised variables where there are none, in std::function for example; its manual says so.
  add_compile_options(-fsanitize=${CLB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized>)
  add_link_options(-fsanitize=${CLB_SANITIZE})
endif()

# Most of what a file takes to compile are headers that its neighbours include too. A plugin is one file anyway.
set(CMAKE_UNITY_BUILD ${CLB_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 16)
if(CLB_UNITY)
  # In a file that another one includes, GCC takes what only that file sees for a header's.
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage>)
endif()

find_program(CLB_LLD ld.lld)
if(CLB_LLD)
  add_link_options(-fuse-ld=lld)
endif()
add_link_options(-Wl,--gc-sections -Wl,--build-id=sha1)

find_program(CLB_CCACHE ccache)
if(CLB_CCACHE)
  # GCC's precompiled headers need these two; -fpch-preprocess keeps the header's name in what ccache hashes.
  foreach(lang C CXX)
    set(CMAKE_${lang}_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CLB_CCACHE})
  endforeach()
endif()

# A file that includes LibTorch takes up to 1.5 GB to compile.
cmake_host_system_information(RESULT _mib QUERY TOTAL_PHYSICAL_MEMORY)
cmake_host_system_information(RESULT _cores QUERY NUMBER_OF_LOGICAL_CORES)
math(EXPR _by_memory "${_mib} / 2048")
if(_by_memory LESS 1)
  set(_by_memory 1)
endif()
if(_by_memory LESS _cores)
  set(_cores ${_by_memory})
endif()
set_property(GLOBAL PROPERTY JOB_POOLS torch_compile=${_cores})

# clb_use_torch(TARGET): LibTorch, the shared precompiled header and the flags that go with it.
function(clb_use_torch target)
  if(NOT TARGET clb_torch_pch)
    file(WRITE ${PROJECT_BINARY_DIR}/clb_torch_pch.cpp "// Owner of the precompiled header of LibTorch.\n")
    add_library(clb_torch_pch OBJECT ${PROJECT_BINARY_DIR}/clb_torch_pch.cpp)
    target_link_libraries(clb_torch_pch PRIVATE LibTorch::LibTorch)
    # Not torch/torch.h: GCC instantiates the templates that a precompiled header leaves pending in every file that uses it, which takes half
    # of the time that most of our files need.
    target_precompile_headers(clb_torch_pch PRIVATE <torch/types.h> <torch/utils.h> <torch/nn/functional/loss.h>)
    clb_fast(clb_torch_pch)
    _clb_torch_flags(clb_torch_pch)
  endif()
  target_link_libraries(${target} PRIVATE LibTorch::LibTorch)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL EXECUTABLE)
    # bin/ and tests/ lie beside lib/libtorch in the build tree as in the prefix: one binary serves both, and its hash knows no folder.
    set_target_properties(${target} PROPERTIES BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN/../lib/libtorch/lib")
    target_compile_options(${target} PRIVATE -fPIC)  # instead of CMake's -fPIE, with which the precompiled header would be refused
  endif()
  target_precompile_headers(${target} REUSE_FROM clb_torch_pch)
  _clb_torch_flags(${target})
endfunction()

function(_clb_torch_flags target)
  set_target_properties(${target} PROPERTIES JOB_POOL_COMPILE torch_compile)
  # LibTorch's checks carry __FILE__ of its headers into our binaries; the folder it lies in must not matter.
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess> -ffile-prefix-map=${CLB_LIBTORCH}/=libtorch/)
  if(NOT CLB_TORCH_DEBUG_INFO)
    target_compile_options(${target} PRIVATE -g0)
  endif()
endfunction()

# clb_fast(TARGETS...): -O2 in release. For what computes for each pixel, byte or sample; for files with std::regex, which GCC 12 takes for
# uninitialised with -Og; and for precompiled headers, since GCC 12 crashes in a file with -O2 that uses one with less, though not the other way
# round.
function(clb_fast)
  foreach(target ${ARGN})
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O2>)
  endforeach()
endfunction()

# clb_precompile(TARGET HEADERS...): for a target of many files that all include these.
function(clb_precompile target)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_precompile_headers(${target} PRIVATE ${ARGN})
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
endfunction()

# clb_common_headers(OWNER TARGETS...): what most files without LibTorch include, precompiled once for all these targets, which need the
# same flags but for -O2. OWNER: clb_common_headers_data, the standard library, or clb_common_headers_rooms, JSON and {fmt} too, which cost
# whoever does not use them half a second. Not in builds of one file at a time, which are there to find an include that is missing, nor in
# those of sanitizers.
function(clb_common_headers owner)
  if(NOT CLB_UNITY OR CLB_SANITIZE OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    return()
  endif()
  if(NOT TARGET ${owner})
    set(headers algorithm array cmath cstdint filesystem fstream functional map memory numeric optional set span sstream string string_view
      utility vector)
    list(TRANSFORM headers PREPEND "<")
    list(TRANSFORM headers APPEND ">")
    if(owner STREQUAL clb_common_headers_rooms)
      list(APPEND headers <nlohmann/json.hpp> <fmt/format.h>)
    endif()
    file(WRITE ${PROJECT_BINARY_DIR}/${owner}.cpp "// Owner of a precompiled header.\n")
    add_library(${owner} OBJECT ${PROJECT_BINARY_DIR}/${owner}.cpp)
    # Not linked, so that the owners of these headers can share them.
    target_include_directories(${owner} SYSTEM PRIVATE $<TARGET_PROPERTY:clb_io,INTERFACE_INCLUDE_DIRECTORIES>
      $<TARGET_PROPERTY:clb_fmt,INTERFACE_INCLUDE_DIRECTORIES>)
    clb_precompile(${owner} ${headers})
    clb_fast(${owner})
  endif()
  foreach(target ${ARGN})
    target_precompile_headers(${target} REUSE_FROM ${owner})
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endforeach()
endfunction()

# clb_room(NAME SOURCES...): a static library for one room of the house; its public headers are under include/clb/<name>.
function(clb_room name)
  add_library(clb_${name} STATIC ${ARGN})
  target_include_directories(clb_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  set_property(GLOBAL APPEND PROPERTY CLB_ROOMS clb_${name})
endfunction()

# clb_common_headers_of_rooms(): to be called when it is known which rooms use LibTorch, which has a precompiled header of its own.
function(clb_common_headers_of_rooms)
  get_property(rooms GLOBAL PROPERTY CLB_ROOMS)
  foreach(room ${rooms})
    get_target_property(owner ${room} PRECOMPILE_HEADERS_REUSE_FROM)
    if(NOT owner)
      clb_common_headers(clb_common_headers_rooms ${room})
    endif()
  endforeach()
endfunction()

# Writes lib/clbench/build_tree.txt, which is not installed: which plugins this tree can build, so that clbench can say of one that is not
# built yet which command builds it.
function(clb_list_plugins)
  set(lines "")
  foreach(kind method dataset)
    get_property(targets GLOBAL PROPERTY CLB_${kind}_PLUGINS)
    foreach(target ${targets})
      string(REGEX REPLACE "^${kind}_" "" name ${target})
      string(APPEND lines "${kind} ${name}\n")
    endforeach()
  endforeach()
  file(WRITE ${PROJECT_BINARY_DIR}/lib/clbench/build_tree.txt "${lines}")
endfunction()

# clb_test(NAME LABEL SOURCES... [PROPERTIES ...]) is a GoogleTest executable; CTest knows each of its tests as NAME.SUITE.TEST.
# LABEL: fast (whole fast set some three minutes) or slow. PROPERTIES: of every test, as of set_tests_properties.
function(clb_test name label)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "PROPERTIES")
  if(NOT TARGET clb_test_main)
    add_library(clb_test_main OBJECT ${PROJECT_SOURCE_DIR}/tests/support/main.cpp)
    target_link_libraries(clb_test_main PRIVATE GTest::gtest)
    if(CLB_SANITIZE)
      target_compile_definitions(clb_test_main PRIVATE CLB_SANITIZED)
    endif()
  endif()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS} $<TARGET_OBJECTS:clb_test_main>)
  target_link_libraries(${name} PRIVATE GTest::gtest)
  target_compile_definitions(${name} PRIVATE CLB_SOURCE_DIR="${PROJECT_SOURCE_DIR}" CLB_BINARY_DIR="${PROJECT_BINARY_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  set(seconds 600)
  if(CLB_SANITIZE)
    set(seconds 1800)
  endif()
  set(cost 0)
  if(label STREQUAL slow)  # the long ones start first, so that none is left alone at the end
    set(cost 100)
  endif()
  # When the tests start, not after each link: LibTorch alone takes a quarter of a second to load.
  gtest_discover_tests(${name} TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${label} TIMEOUT ${seconds} COST ${cost} ${arg_PROPERTIES})
endfunction()
