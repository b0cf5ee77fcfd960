# libtandem as others get it: shared and static, headers, pkg-config, CMake package, manual pages.
#
# The interface is what the headers of the library's rooms declare, but for those that end in
# _priv.h or _test.h. What is made of them (cmake/api.py) is made in every build.
set(api ${CMAKE_BINARY_DIR}/api)
set(api_headers)
foreach(room ${TD_LIB_DEVICE_ROOMS} ${TD_LIB_HOST_ROOMS})
    file(GLOB found CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/src
        ${CMAKE_SOURCE_DIR}/src/${room}/*.h)
    list(APPEND api_headers ${found})
endforeach()
list(FILTER api_headers EXCLUDE REGEX "_(priv|test)\\.h$")
set(api_files ${api_headers})
list(TRANSFORM api_files PREPEND ${CMAKE_SOURCE_DIR}/src/)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(api_run ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/api.py)
set(api_args ${PROJECT_VERSION} ${CMAKE_SOURCE_DIR}/src ${api_headers})
add_custom_command(OUTPUT ${api}/made
    COMMAND ${api_run} headers ${api}/include ${api_args}
    COMMAND ${api_run} symbols ${api}/libtandem.map ${api_args}
    COMMAND ${api_run} man ${api}/man3 ${api_args}
    COMMAND ${CMAKE_COMMAND} -E touch ${api}/made
    DEPENDS ${api_files} cmake/api.py docs/man/tandem.7 VERBATIM COMMENT "Reading the API's headers")
add_custom_target(td_api ALL DEPENDS ${api}/made)

# Structures are placed by their users, so a release that changes one is another library: until
# 1.0 that may be each minor one.
set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
add_library(tandem_shared SHARED $<TARGET_OBJECTS:td_lib_device> $<TARGET_OBJECTS:td_lib_host>)
add_library(tandem_static STATIC $<TARGET_OBJECTS:td_lib_device> $<TARGET_OBJECTS:td_lib_host>)
set_target_properties(tandem_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${soversion}
    LINK_DEPENDS ${api}/made EXPORT_NAME tandem)
set_target_properties(tandem_static PROPERTIES EXPORT_NAME tandem-static)
target_link_options(tandem_shared PRIVATE -Wl,--version-script=${api}/libtandem.map)
add_dependencies(tandem_shared td_api)
foreach(kind tandem_shared tandem_static)
    set_target_properties(${kind} PROPERTIES OUTPUT_NAME tandem LINKER_LANGUAGE C)
    target_include_directories(${kind} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    # By name, not by this machine's path: it goes into the package.
    target_link_libraries(${kind} PRIVATE bearssl PkgConfig::SODIUM PkgConfig::UV)
endforeach()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/tandem)
include(CMakePackageConfigHelpers)
configure_file(cmake/tandemConfig.cmake.in ${api}/tandemConfig.cmake @ONLY)
write_basic_package_version_file(${api}/tandemConfigVersion.cmake COMPATIBILITY SameMinorVersion)
file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" up ${up})
configure_file(cmake/libtandem.pc.in ${api}/libtandem.pc @ONLY)

install(TARGETS tandem_shared tandem_static EXPORT tandem
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT tandem NAMESPACE tandem:: FILE tandemTargets.cmake DESTINATION ${package})
install(FILES ${api}/tandemConfig.cmake ${api}/tandemConfigVersion.cmake DESTINATION ${package})
install(FILES ${api}/libtandem.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY ${api}/include/tandem DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${api}/man3 DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES docs/man/tandem.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
