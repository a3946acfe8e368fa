# What `cmake --install` puts where, and the Debian package that CPack makes of the same list (scripts/package).
include(GNUInstallDirs)

# The manual page comes out of the program, which knows its commands and options.
set(BAMGATE_MAN ${CMAKE_BINARY_DIR}/bamgate.1.gz)
add_custom_command(TARGET bamgate POST_BUILD BYPRODUCTS ${BAMGATE_MAN} VERBATIM
  COMMAND sh -ec "\"$1\" man-page >\"$2.new\" && gzip -9nc \"$2.new\" >\"$2\" && rm \"$2.new\"" _
          $<TARGET_FILE:bamgate> ${BAMGATE_MAN})

# That of the configuration is written by hand; tests/system/completion.sh holds it against docs/configuration.md.
set(BAMGATE_CONFIG_MAN ${CMAKE_BINARY_DIR}/bamgate-config.5.gz)
configure_file(packaging/bamgate-config.5.in ${CMAKE_BINARY_DIR}/bamgate-config.5 @ONLY)
add_custom_command(TARGET bamgate POST_BUILD BYPRODUCTS ${BAMGATE_CONFIG_MAN} VERBATIM
  COMMAND sh -ec "gzip -9nc \"$1\" >\"$2\"" _ ${CMAKE_BINARY_DIR}/bamgate-config.5 ${BAMGATE_CONFIG_MAN})

# Debian's record of changes, without which its tools take the package for half made.
string(TIMESTAMP BAMGATE_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(packaging/debian/changelog.in ${CMAKE_BINARY_DIR}/changelog @ONLY)
add_custom_command(TARGET bamgate POST_BUILD BYPRODUCTS ${CMAKE_BINARY_DIR}/changelog.gz VERBATIM
  COMMAND sh -ec "gzip -9nc \"$1\" >\"$1.gz\"" _ ${CMAKE_BINARY_DIR}/changelog)

# The licence's name in a package is copyright; every link of the installed pages leads somewhere.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS README.md)
file(READ README.md BAMGATE_README)
string(REPLACE "(LICENSE)" "(copyright)" BAMGATE_README "${BAMGATE_README}")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/README.md CONTENT "${BAMGATE_README}" @ONLY)

install(TARGETS bamgate)
install(FILES ${BAMGATE_MAN} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${BAMGATE_CONFIG_MAN} DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES packaging/bamgate.service packaging/bamgate-hub.service DESTINATION lib/systemd/system)
install(FILES packaging/bamgate.sysusers DESTINATION lib/sysusers.d RENAME bamgate.conf)
install(FILES packaging/bamgate-hub.default DESTINATION /etc/default RENAME bamgate-hub)
install(FILES packaging/completion/bamgate.bash DESTINATION share/bash-completion/completions RENAME bamgate)
install(FILES packaging/completion/_bamgate DESTINATION share/zsh/vendor-completions)
install(FILES packaging/completion/bamgate.fish DESTINATION share/fish/vendor_completions.d)
install(FILES LICENSE DESTINATION share/doc/bamgate RENAME copyright)
install(FILES ${CMAKE_BINARY_DIR}/README.md ARCHITECTURE.md CONTRIBUTING.md DESTINATION share/doc/bamgate)
install(FILES ${CMAKE_BINARY_DIR}/changelog.gz DESTINATION share/doc/bamgate)
install(DIRECTORY docs DESTINATION share/doc/bamgate)
install(FILES packaging/debian/lintian-overrides DESTINATION share/lintian/overrides RENAME bamgate)
install(FILES fuzz/README.md DESTINATION share/doc/bamgate/fuzz)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME bamgate)
set(CPACK_PACKAGE_CONTACT "bamgate <bamgate@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "private network for your own machines")
set(CPACK_PACKAGE_DESCRIPTION
    "bamgate joins machines behind home routers into one WireGuard network
without an open port and without a rented server: its packets travel over
WebRTC data channels, which pass NATs as a video call does. The package
holds the device's and the hub's service.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                                                WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# postinst makes the users with systemd-sysusers; passwd holds userdel, for a purge.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers, passwd")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${CMAKE_SOURCE_DIR}/packaging/debian/postinst;${CMAKE_SOURCE_DIR}/packaging/debian/prerm;${CMAKE_SOURCE_DIR}/packaging/debian/postrm;${CMAKE_SOURCE_DIR}/packaging/debian/conffiles")
include(CPack)
