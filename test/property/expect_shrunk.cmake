# SPDX-License-Identifier: MIT
#
# cmake -D PROGRAM= -D FILE= -P: passes if --shrink finds at most three operations that are enough
# for the planted fault, and --replay of them fails in the same way.

set(ENV{CAIRN_BROKEN} realloc-lost)
unset(ENV{CAIRN_TEST_SCALE})

execute_process(COMMAND ${PROGRAM} --seed 7 --ops 20000 --shrink
    RESULT_VARIABLE result OUTPUT_FILE ${FILE} ERROR_VARIABLE text)
if(NOT result STREQUAL 1)
    message(FATAL_ERROR "--shrink: exit code ${result}, 1 expected\n${text}")
endif()

file(STRINGS ${FILE} operations)
list(LENGTH operations count)
if(count LESS 1 OR count GREATER 3)
    message(FATAL_ERROR "--shrink: ${count} operations are left, 1 to 3 expected: ${operations}")
endif()

execute_process(COMMAND ${PROGRAM} --replay ${FILE} RESULT_VARIABLE result ERROR_VARIABLE text)
if(NOT result STREQUAL 1 OR NOT text MATCHES "after a realloc that failed")
    message(FATAL_ERROR "--replay: exit code ${result}, 1 expected\n${text}")
endif()
message("${operations}\n${text}")
