# SPDX-License-Identifier: MIT
#
# cmake -D PROGRAM= -D FAULT= -D THREADS= -D EXPECTED= -P: passes if the property test on the broken
# allocator ends with exit code 1 (a crash would not count), says what is expected, and names the
# command that shows it again; with one thread that command must fail in the same way.

set(ENV{CAIRN_BROKEN} ${FAULT})
unset(ENV{CAIRN_TEST_SCALE})

function(expect_breach)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result ERROR_VARIABLE text OUTPUT_QUIET)
    if(NOT result STREQUAL 1)
        message(FATAL_ERROR "${FAULT}: exit code ${result}, 1 expected\n${text}")
    endif()
    if(NOT text MATCHES "FAILED: [^\n]*${EXPECTED}[^\n]*\nproperty: seed 7, thread [0-9]+, op")
        message(FATAL_ERROR "${FAULT}: '${EXPECTED}' expected\n${text}")
    endif()
    set(text "${text}" PARENT_SCOPE)
endfunction()

expect_breach(${PROGRAM} --seed 7 --threads ${THREADS} --ops 100000)
message("${text}")

if(THREADS EQUAL 1)
    if(NOT text MATCHES "property: again: ([^\n(]*)")
        message(FATAL_ERROR "${FAULT}: no command to show it again\n${text}")
    endif()
    separate_arguments(again UNIX_COMMAND "${CMAKE_MATCH_1}")
    expect_breach(${again})
endif()
