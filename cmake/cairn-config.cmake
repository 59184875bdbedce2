# SPDX-License-Identifier: MIT
#
# find_package(cairn) reads this. Each target is a component, so that
# find_package(cairn COMPONENTS malloc) finds only a Cairn that has cairn::malloc:
#   cairn::cairn      libcairn.so, the API and the kit; the program's malloc stays what it is
#   cairn::static     the same as an archive
#   cairn::malloc     libcairn-malloc.so: the program's malloc, new and delete are Cairn's
#   cairn::object     the same as an object file, linked among the program's own
#   cairn::hardened   libcairn-hardened.so, in the place of cairn::malloc
#   cairn::checked    libcairn-checked.so, likewise
#   cairn::stack      libcairn-stack.so: malloc on a stack of the kit's allocators

include(${CMAKE_CURRENT_LIST_DIR}/cairn-targets.cmake)

foreach(component IN LISTS cairn_FIND_COMPONENTS)
    set(cairn_${component}_FOUND FALSE)
    if(TARGET cairn::${component})
        set(cairn_${component}_FOUND TRUE)
    elseif(cairn_FIND_REQUIRED_${component})
        set(cairn_FOUND FALSE)
        set(cairn_NOT_FOUND_MESSAGE "this Cairn has no cairn::${component}")
    endif()
endforeach()
