# What `cmake --install` puts where, and the Debian package that CPack makes of the same list (scripts/package).
include(GNUInstallDirs)

# The manual page comes out of the program, which knows its commands and options.
set(BAMGATE_MAN ${CMAKE_BINARY_DIR}/bamgate.1.gz)
add_custom_command(TARGET bamgate POST_BUILD BYPRODUCTS ${BAMGATE_MAN} VERBATIM
  COMMAND sh -ec "\"$1\" man-page >\"$2.new\" && gzip -9nc \"$2.new\" >\"$2\" && rm \"$2.new\"" _
          $<TARGET_FILE:bamgate> ${BAMGATE_MAN})

install(TARGETS bamgate)
install(FILES ${BAMGATE_MAN} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES packaging/bamgate.service packaging/bamgate-hub.service DESTINATION lib/systemd/system)
install(FILES packaging/bamgate.sysusers DESTINATION lib/sysusers.d RENAME bamgate.conf)
install(FILES packaging/bamgate-hub.default DESTINATION /etc/default RENAME bamgate-hub)
install(FILES packaging/completion/bamgate.bash DESTINATION share/bash-completion/completions RENAME bamgate)
install(FILES packaging/completion/_bamgate DESTINATION share/zsh/vendor-completions)
install(FILES packaging/completion/bamgate.fish DESTINATION share/fish/vendor_completions.d)
install(FILES LICENSE DESTINATION share/doc/bamgate RENAME copyright)
install(FILES README.md DESTINATION share/doc/bamgate)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME bamgate)
set(CPACK_PACKAGE_CONTACT "bamgate <bamgate@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "private network for your own machines")
set(CPACK_PACKAGE_DESCRIPTION
    "bamgate joins machines behind home routers into one WireGuard network without an
open port and without a rented server: its packets travel over WebRTC data
channels, which pass NATs as a video call does. The package holds the device's
and the hub's service.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                                                WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# postinst makes the users with systemd-sysusers; passwd holds userdel, for a purge.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers, passwd, init-system-helpers")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${CMAKE_SOURCE_DIR}/packaging/debian/postinst;${CMAKE_SOURCE_DIR}/packaging/debian/prerm;${CMAKE_SOURCE_DIR}/packaging/debian/postrm;${CMAKE_SOURCE_DIR}/packaging/debian/conffiles")
include(CPack)
