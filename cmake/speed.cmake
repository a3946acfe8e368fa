# What makes a build quick and nothing else: the same objects and programs come out without it.

# Compiled once, found again: also in another clone and another build folder, because paths are taken relative to the
# source folder and the working folder is left out. Whoever sets a launcher keeps it.
find_program(BAMGATE_CCACHE ccache)
if(BAMGATE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${BAMGATE_CCACHE})
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    # Without it no two precompiled headers are the same.
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()

# A linker that takes tenths of a second where GNU ld takes seconds.
find_program(BAMGATE_MOLD mold)
if(BAMGATE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
