# Compiler flags live on one INTERFACE target; no folder sets flags of its own.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(TERTULIA_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")

add_library(tertulia_flags INTERFACE)
target_include_directories(tertulia_flags INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(tertulia_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror=return-type)
# assert stays on in release: a bug stops the process at the place, it does not write a wrong record
target_compile_options(tertulia_flags INTERFACE -UNDEBUG)
if(TERTULIA_SANITIZE)
  target_compile_options(tertulia_flags INTERFACE -fsanitize=${TERTULIA_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(tertulia_flags INTERFACE -fsanitize=${TERTULIA_SANITIZE})
endif()

if(TERTULIA_BUILD_FUZZ)
  target_compile_options(tertulia_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# tertulia_library(NAME SOURCES a.cpp … DEPENDS tertulia_base … LINKS external::target …)
# One library per folder. DEPENDS names our own libraries: tests/unit/arrows_test.py holds them.
function(tertulia_library name)
  cmake_parse_arguments(LIB "" "" "SOURCES;DEPENDS;LINKS" ${ARGN})
  add_library(${name} STATIC ${LIB_SOURCES})
  target_link_libraries(${name} PUBLIC tertulia_flags ${LIB_DEPENDS} ${LIB_LINKS})
endfunction()
