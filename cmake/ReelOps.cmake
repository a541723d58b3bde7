# reel_add_ops(TARGET FOLDER)
# Adds the operators in and below FOLDER to TARGET: NAME.cpp and NAME_cpu.cpp always, NAME_cuda.cpp and NAME_kernel.cu only
# with REEL_WITH_CUDA, the kernels as objects of TARGET_kernels. Which device runs is decided by registration, so
# nothing else differs.
function(reel_add_ops target folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  file(GLOB_RECURSE kernels CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cu)
  if(NOT REEL_WITH_CUDA)
    list(FILTER sources EXCLUDE REGEX "_cuda\\.cpp$")
    set(kernels "")
  endif()
  target_sources(${target} PRIVATE ${sources})
  set_source_files_properties(${sources} TARGET_DIRECTORY ${target} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  set_property(SOURCE ${sources} TARGET_DIRECTORY ${target} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:-O3>)
  if(kernels)
    # A library of their own: kernels see neither LibTorch nor the compiler options of our C++.
    add_library(${target}_kernels OBJECT ${kernels})
    target_include_directories(${target}_kernels PRIVATE ${CMAKE_SOURCE_DIR})
    set_target_properties(${target}_kernels PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON)
  endif()
endfunction()
