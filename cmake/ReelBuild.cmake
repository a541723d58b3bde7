# Compiler settings that every target shares.

# ccache and mold shorten rebuilds; both are optional.
find_program(REEL_CCACHE ccache)
if(REEL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # A precompiled header is only cached when its time stamps are ignored.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${REEL_CCACHE})
endif()
find_program(REEL_MOLD mold)
if(REEL_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12.1)
  add_link_options(-fuse-ld=mold)
endif()

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Most of our code calls LibTorch or reads files: -O3 makes its first build a quarter longer and nothing faster. Operators
# are compiled with -O3 (ReelOps.cmake), the command line and the tests with -O1.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

function(reel_setup_compiler)
  # One interface target carries what all our code is compiled with.
  add_library(reel_settings INTERFACE)
  target_include_directories(reel_settings INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
  # at::parallel_for is a template of LibTorch's headers: without OpenMP in our own compilation it runs on one thread.
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  target_compile_options(reel_settings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${OpenMP_CXX_FLAGS}>)
  # The standard library before LibTorch: the libraries of its wheels export a copy of std::filesystem of their own,
  # whose remove_all crashes when our calls are bound to it.
  target_link_libraries(reel_settings INTERFACE $<$<CXX_COMPILER_ID:GNU>:stdc++> ${TORCH_LIBRARIES}
                        ${OpenMP_CXX_LIBRARIES} Threads::Threads)
  target_compile_options(reel_settings INTERFACE -Wall -Wextra -Wno-unused-parameter
                         -Wno-missing-field-initializers)  # designated initialisers name what differs from the defaults
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # False alarms of GCC 12 in std::string (GCC bug 105329).
    target_compile_options(reel_settings INTERFACE -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict -Wno-array-bounds)
  endif()
  target_compile_definitions(reel_settings INTERFACE
      REEL_VERSION="${PROJECT_VERSION}" $<$<BOOL:${REEL_WITH_MEDIA}>:REEL_WITH_MEDIA>)
  if(REEL_SANITIZE)
    # GCC 12 takes std::regex for uninitialised once it is instrumented.
    target_compile_options(reel_settings INTERFACE -fsanitize=${REEL_SANITIZE} -fno-sanitize-recover=undefined
                           -fno-omit-frame-pointer -O1 -g1 -Wno-maybe-uninitialized)
    target_link_options(reel_settings INTERFACE -fsanitize=${REEL_SANITIZE})
  endif()

  # ATen costs 9 s in each file; as one precompiled header, shared by all targets, it costs 20 s once. ATen/ATen.h itself holds
  # twice as much, mostly what only LibTorch's own kernels call, and each file would instantiate templates of it anew (1 s).
  file(WRITE ${CMAKE_BINARY_DIR}/generated/pch.cpp "// Carrier of the precompiled header.\n")
  add_library(reel_pch OBJECT ${CMAKE_BINARY_DIR}/generated/pch.cpp)
  target_link_libraries(reel_pch PUBLIC reel_settings)
  target_precompile_headers(reel_pch PRIVATE <ATen/Functions.h> <ATen/TensorOperators.h> <c10/util/StringUtil.h>
    <algorithm> <array> <cmath> <cstdint> <cstring> <filesystem> <fstream> <functional> <map> <memory>
    <optional> <set> <span> <stdexcept> <string> <string_view> <unordered_map> <utility> <variant> <vector>)
endfunction()

# reel_library(NAME sources...): an OBJECT library with the shared settings and precompiled header.
function(reel_library name)
  add_library(${name} OBJECT ${ARGN})
  target_link_libraries(${name} PUBLIC reel_settings)
  target_precompile_headers(${name} REUSE_FROM reel_pch)
  reel_compile_together(${name})
endfunction()

# reel_compile_quickly(TARGET): for code that runs once and not long, less is optimised.
function(reel_compile_quickly target)
  target_compile_options(${target} PRIVATE $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:-O1>)
endfunction()

# reel_compile_together(TARGET): with REEL_UNITY, the compiler is given eight files of TARGET at a time and so instantiates
# what their headers need once instead of eight times; see docs/adr/0006. Plug-ins and operators are compiled alone.
function(reel_compile_together target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${REEL_UNITY} UNITY_BUILD_BATCH_SIZE 8)
endfunction()
