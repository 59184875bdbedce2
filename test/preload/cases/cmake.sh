# SPDX-License-Identifier: MIT
# cmake configures, builds and tests a small project.

needs="cmake make gcc"
packages="cmake make gcc libc6-dev"
proves="cmake words"

run() {
    mkdir project
    cat >project/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.16)
project(words C)
include(CheckIncludeFile)
check_include_file(stdlib.h HAVE_STDLIB)
find_package(Threads REQUIRED)
add_executable(words $ENV{PROGRAMS}/words/main.c $ENV{PROGRAMS}/words/table.c)
target_link_libraries(words Threads::Threads)
set(list)
foreach(i RANGE 5000)
  list(APPEND list "item${i}")
endforeach()
list(SORT list)
string(REGEX REPLACE "item([0-9])[0-9]*" "\\1" short "${list}")
string(SHA256 hash "${short}")
message(STATUS "hash ${hash}")
configure_file(in.txt out.txt)
enable_testing()
add_test(NAME words COMMAND words ${CMAKE_CURRENT_BINARY_DIR}/out.txt)
END
    echo 'the hash is @hash@' >project/in.txt
    cmake -S project -B build | grep -v ' (.*s)$\|written'
    cmake --build build --parallel 2 >log && grep -c 'Building C' log
    ./build/words build/out.txt
    (cd build && ctest | grep 'tests passed')
    cmake -E sha256sum build/out.txt
    cmake -LA -N build | sha256sum
}
