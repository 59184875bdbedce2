# SPDX-License-Identifier: MIT
#
# Installs the gdb script, and for each library the small file by which gdb finds it: at
# share/gdb/auto-load/ and then the library's own path (gdb's manual, "Auto-loading extensions").

install(FILES ${CMAKE_CURRENT_LIST_DIR}/cairn-gdb.py DESTINATION share/cairn)
foreach(library IN LISTS libraries)
    get_target_property(type ${library} TYPE)
    if(NOT type STREQUAL SHARED_LIBRARY OR library STREQUAL cairn-record)
        continue()
    endif()
    install(CODE "
        get_filename_component(prefix \"\${CMAKE_INSTALL_PREFIX}\" ABSOLUTE)
        set(file \"share/gdb/auto-load\${prefix}/${CMAKE_INSTALL_LIBDIR}/$<TARGET_FILE_NAME:${library}>-gdb.py\")
        message(STATUS \"Installing: \${prefix}/\${file}\")
        file(WRITE \"\$ENV{DESTDIR}\${prefix}/\${file}\"
            \"import gdb\\ngdb.execute('source \${prefix}/share/cairn/cairn-gdb.py')\\n\")
    ")
endforeach()
