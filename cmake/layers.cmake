# One static library and one include root for each layer: a layer sees only what it links.
#
# bamgate_layer(NAME [LAYERS layer...] [LIBS target...] [PRIVATE_LIBS target...])
#   Builds src/NAME/*.cc as bamgate_NAME. Its include root holds nothing but a link to its own folder, so
#   `#include "ice/agent.h"` compiles only in a layer that lists ice, or a layer that lists it, under LAYERS.
# bamgate_tests(NAME [LAYERS layer...] [LIBS target...] [LABEL label] [SHARDS n] [HEAVY])
#   Builds tests/NAME/*.cc as test_NAME with GoogleTest and registers it with ctest under the label (default: unit), in n
#   parts (default: 1) that ctest may run side by side. HEAVY: optimised under sanitizers too, for those that compute much.

function(bamgate_layer name)
  cmake_parse_arguments(ARG "" "" "LAYERS;LIBS;PRIVATE_LIBS" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/roots/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${name} ${root}/${name} SYMBOLIC)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  list(TRANSFORM ARG_LAYERS PREPEND bamgate_)
  if(sources)
    add_library(bamgate_${name} STATIC ${sources})
    target_include_directories(bamgate_${name} PUBLIC ${root})
    target_link_libraries(bamgate_${name} PUBLIC ${ARG_LAYERS} ${ARG_LIBS} PRIVATE ${ARG_PRIVATE_LIBS} bamgate_warnings)
  else()
    add_library(bamgate_${name} INTERFACE)
    target_include_directories(bamgate_${name} INTERFACE ${root})
    target_link_libraries(bamgate_${name} INTERFACE ${ARG_LAYERS} ${ARG_LIBS})
  endif()
endfunction()

function(bamgate_tests name)
  cmake_parse_arguments(ARG "HEAVY" "LABEL;SHARDS" "LAYERS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${name}/*.cc)
  if(NOT sources OR NOT BAMGATE_TESTS)
    return()
  endif()
  list(TRANSFORM ARG_LAYERS PREPEND bamgate_)
  add_executable(test_${name} ${sources})
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(test_${name} PRIVATE BAMGATE_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/vectors")
  target_link_libraries(test_${name} PRIVATE ${ARG_LAYERS} bamgate_test_support ${ARG_LIBS} GTest::gmock GTest::gtest_main
                                             bamgate_warnings)
  add_dependencies(unit_tests test_${name})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_SHARDS)
    set(ARG_SHARDS 1)
  endif()
  # What the tests are about is optimised; they themselves need not be, and compile in a third of the time. But in
  # scenarios the tests' own world does half of the work, and so do under sanitizers the inline functions of a HEAVY one.
  if(ARG_LABEL STREQUAL unit AND ARG_HEAVY AND BAMGATE_SANITIZE)
    target_precompile_headers(test_${name} PRIVATE <gtest/gtest.h>)
  elseif(ARG_LABEL STREQUAL unit)
    target_link_libraries(test_${name} PRIVATE bamgate_unit_options)
    target_precompile_headers(test_${name} REUSE_FROM bamgate_unit_pch)
  else()
    target_precompile_headers(test_${name} REUSE_FROM bamgate_sim)
  endif()
  foreach(shard RANGE 1 ${ARG_SHARDS})
    set(test ${name})
    if(ARG_SHARDS GREATER 1)
      set(test ${name}.${shard})
    endif()
    math(EXPR index "${shard} - 1")
    add_test(NAME ${test} COMMAND test_${name} --gtest_brief=1)
    # The limit is there for a test that never ends; 200 seeds of a scenario take their time.
    set_tests_properties(${test} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 7200
                         ENVIRONMENT "GTEST_TOTAL_SHARDS=${ARG_SHARDS};GTEST_SHARD_INDEX=${index}")
  endforeach()
endfunction()
