# SPDX-License-Identifier: MIT
#
# Installs the example for systemd, with the library's path as it is after the installation.

if(CAIRN_MALLOC)
    install(CODE "
        get_filename_component(prefix \"\${CMAKE_INSTALL_PREFIX}\" ABSOLUTE)
        set(LIBRARY_FOLDER \"\${prefix}/${CMAKE_INSTALL_LIBDIR}\")
        message(STATUS \"Installing: \${prefix}/share/systemd/cairn.conf\")
        configure_file(\"${CMAKE_CURRENT_LIST_DIR}/cairn.conf.in\"
            \"\$ENV{DESTDIR}\${prefix}/share/systemd/cairn.conf\" @ONLY)
    ")
endif()
