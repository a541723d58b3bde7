# One CTest test for each GoogleTest suite of a program. A process for each single test, as gtest_discover_tests
# makes it, spends more time on loading LibTorch (0.4 s) than on testing.
set(REEL_LIST_TEST_SUITES ${CMAKE_CURRENT_LIST_DIR}/ListTestSuites.cmake)

function(reel_discover_suites program)
  set(list ${CMAKE_CURRENT_BINARY_DIR}/${program}_suites.cmake)
  add_custom_command(TARGET ${program} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${program}> -DNAME=${program} -DLIST=${list}
            -P ${REEL_LIST_TEST_SUITES}
    BYPRODUCTS ${list} VERBATIM)
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${list})
endfunction()
