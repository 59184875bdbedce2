# SPDX-License-Identifier: MIT
#
# What is installed, and what tells other projects where it is: a CMake package and two files for
# pkg-config. None of them holds a path that is not relative to itself, so an installed tree may be
# moved. (Not so if it is built for /usr, which pkg-config knows and leaves out of its answers, or if
# CMAKE_INSTALL_LIBDIR is absolute.)

include(CMakePackageConfigHelpers)

# --- libraries and headers ---------------------------------------------------------------------------

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/cairn)

install(TARGETS ${libraries} EXPORT cairn INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/ TYPE INCLUDE)
if(CAIRN_MALLOC)
    install(TARGETS cairn-record)
    install(FILES ${CAIRN_MALLOC_OBJECT} ${CAIRN_MALLOC_ARCHIVE} TYPE LIB)
    set(object ${CMAKE_INSTALL_LIBDIR}/cairn-malloc.o)
    if(NOT IS_ABSOLUTE ${object})
        set(object $<INSTALL_PREFIX>/${object})
    endif()
    target_link_libraries(cairn-object INTERFACE $<INSTALL_INTERFACE:${object}>)
endif()

install(EXPORT cairn FILE cairn-targets.cmake NAMESPACE cairn:: DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/cairn-config-version.cmake
    COMPATIBILITY SameMajorVersion) # as the soname has it
install(FILES cmake/cairn-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/cairn-config-version.cmake
    DESTINATION ${package})

# --- pkg-config --------------------------------------------------------------------------------------

# The way from the folder of the .pc files up to the prefix, and from there.
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
    file(RELATIVE_PATH pc_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
    string(REGEX REPLACE "^(.*[^/])/*$" "\${pcfiledir}/\\1" pc_prefix ${pc_prefix})
endif()
cmake_path(APPEND pc_libdir "\${prefix}" ${CMAKE_INSTALL_LIBDIR})
cmake_path(APPEND pc_includedir "\${prefix}" ${CMAKE_INSTALL_INCLUDEDIR})

set(pc_files cairn)
if(CAIRN_MALLOC)
    list(APPEND pc_files cairn-malloc)
endif()
foreach(name IN LISTS pc_files)
    configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

# --- the command -------------------------------------------------------------------------------------

if(CAIRN_COMMAND)
    install(TARGETS cairn-tool)
    install(TARGETS cairn-replayer DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/cairn)
    if(SCDOC)
        install(DIRECTORY ${manual}/man1 ${manual}/man3 ${manual}/man7
            DESTINATION ${CMAKE_INSTALL_MANDIR} OPTIONAL)
    endif()
    set(data ${CMAKE_INSTALL_DATADIR})
    install(FILES completions/cairn.bash DESTINATION ${data}/bash-completion/completions RENAME cairn)
    install(FILES completions/_cairn DESTINATION ${data}/zsh/site-functions)
    install(FILES completions/cairn.fish DESTINATION ${data}/fish/vendor_completions.d)
endif()
