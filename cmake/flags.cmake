# SPDX-License-Identifier: MIT
#
# How Cairn is compiled and linked: the defaults for everything in the tree, and three functions that
# give a target what its kind needs.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release)
endif()
if(PROJECT_IS_TOP_LEVEL OR NOT CMAKE_C_FLAGS_RELEASE) # within another project, that one's
    set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
    set(CMAKE_C_FLAGS_DEBUG "-Og -g")
    set(CMAKE_CXX_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
    set(CMAKE_CXX_FLAGS_DEBUG "${CMAKE_C_FLAGS_DEBUG}")
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Everywhere, tests included: they share inline functions and structures with the library.
add_compile_definitions($<$<CONFIG:Debug>:CAIRN_DEBUG=1>)
if(CAIRN_SANITIZE)
    set(sanitize -fsanitize=${CAIRN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_compile_options(${sanitize})
    add_link_options(${sanitize})
endif()

# Warnings, and asserts only in debug builds (tests keep theirs in every build). What is released does
# not know where it was built: the same sources give the same bytes everywhere.
function(cairn_common_flags target)
    foreach(folder ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
        target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-ffile-prefix-map=${folder}=.>)
    endforeach()
    target_compile_options(${target} PRIVATE
        -Wall -Wextra -Wundef -Wshadow -Wstrict-prototypes -Wmissing-prototypes)
    target_compile_definitions(${target} PRIVATE $<$<CONFIG:Release>:NDEBUG>)
endfunction()

# The objects of the libraries. -fno-builtin-*: the compiler must neither turn our calloc into a call
# of calloc nor reason about what malloc returns. -fno-semantic-interposition must never be added:
# whether our malloc is the process's malloc is found out by reading &malloc through the GOT.
function(cairn_library_flags target)
    cairn_common_flags(${target})
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_include_directories(${target} PRIVATE
        ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    target_compile_options(${target} PRIVATE
        -fvisibility=hidden -fno-plt -ftls-model=initial-exec
        -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free
        -fno-builtin-aligned_alloc -fno-builtin-memalign -fno-builtin-posix_memalign)
endfunction()

# A shared library of ours: it stays loaded, is bound at load time, and needs libc only. The version
# script names cairn_* and has no `local: *`, so that malloc stays unversioned (ld.so passes over a
# versioned malloc in LD_PRELOAD).
function(cairn_link_flags target)
    set(map ${PROJECT_SOURCE_DIR}/src/entry/cairn.map)
    set_target_properties(${target} PROPERTIES
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
        LINKER_LANGUAGE C LINK_DEPENDS ${map})
    target_link_options(${target} PRIVATE
        -Wl,--version-script=${map} -Wl,-z,nodelete -Wl,-z,now -Wl,-z,relro -Wl,--as-needed)
    if(NOT CAIRN_SANITIZE)  # clang leaves the sanitizer's functions to the program
        target_link_options(${target} PRIVATE -Wl,--no-undefined)
    endif()
endfunction()
