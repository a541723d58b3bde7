# Run after a test program was linked: asks it for its suites and writes the CTest file LIST.
execute_process(COMMAND ${PROGRAM} --gtest_list_tests OUTPUT_VARIABLE listing RESULT_VARIABLE status TIMEOUT 60)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} --gtest_list_tests failed (${status}):\n${listing}")
endif()
# Suites stand at the beginning of a line and end with a dot, behind which a type parameter may be explained.
string(REGEX MATCHALL "\n[A-Za-z0-9_/]+\\." suites "\n${listing}")
set(tests "")
foreach(suite IN LISTS suites)
  string(STRIP "${suite}" suite)
  string(APPEND tests "add_test([=[${suite}*]=] [=[${PROGRAM}]=] [=[--gtest_filter=${suite}*]=])\n"
    "set_tests_properties([=[${suite}*]=] PROPERTIES TIMEOUT 900)\n")
endforeach()
if(tests STREQUAL "")
  message(FATAL_ERROR "${PROGRAM} lists no tests:\n${listing}")
endif()
file(WRITE ${LIST} "${tests}")
