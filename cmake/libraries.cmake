# The libraries of Debian's packages, 12 and 13 alike, as imported targets named lib::NAME.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# lib::NAME from a header and library files; STATIC names archives.
function(bamgate_library name header)
  find_path(${name}_INCLUDE ${header} REQUIRED)
  add_library(lib_${name} INTERFACE)
  target_include_directories(lib_${name} SYSTEM INTERFACE ${${name}_INCLUDE})
  foreach(file ${ARGN})
    string(MAKE_C_IDENTIFIER ${file} variable)
    find_library(FOUND_${variable} NAMES ${file} REQUIRED)
    target_link_libraries(lib_${name} INTERFACE ${FOUND_${variable}})
  endforeach()
  add_library(lib::${name} ALIAS lib_${name})
endfunction()

bamgate_library(mbedtls mbedtls/ssl.h libmbedtls.a libmbedx509.a libmbedcrypto.a)
bamgate_library(usrsctp usrsctp.h libusrsctp.a)
bamgate_library(sodium sodium.h sodium)
bamgate_library(b2 blake2.h b2)
bamgate_library(simdjson simdjson.h simdjson)
bamgate_library(nlohmann nlohmann/json.hpp)
bamgate_library(tomlplusplus toml++/toml.h)
bamgate_library(wslay wslay/wslay.h wslay)
bamgate_library(http_parser http_parser.h http_parser)
bamgate_library(sqlite sqlite3.h sqlite3)
bamgate_library(cli11 CLI/CLI.hpp)
bamgate_library(spdlog spdlog/spdlog.h spdlog fmt)
bamgate_library(qrencode qrencode.h qrencode)
bamgate_library(nftables nftables/libnftables.h nftables)
bamgate_library(mnl libmnl/libmnl.h mnl)
bamgate_library(asio asio.hpp)

target_compile_definitions(lib_spdlog INTERFACE SPDLOG_COMPILED_LIB SPDLOG_SHARED_LIB SPDLOG_FMT_EXTERNAL)
target_compile_definitions(lib_asio INTERFACE ASIO_NO_DEPRECATED)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # Asio 1.22 switches coroutines off for compilers that it does not know.
  target_compile_definitions(lib_asio INTERFACE ASIO_HAS_CO_AWAIT ASIO_HAS_STD_COROUTINE)
endif()
target_link_libraries(lib_asio INTERFACE Threads::Threads)

# usrsctp and mbedTLS read clocks and randomness by themselves; the layers that own them answer instead (src/sctp, src/dtls).
target_link_options(lib_usrsctp INTERFACE -Wl,--wrap=gettimeofday -Wl,--wrap=read_random
                    -Wl,--wrap=sctp_userspace_thread_create -Wl,--wrap=sctp_init_vrf_list)
target_link_options(lib_mbedtls INTERFACE -Wl,--wrap=time)
