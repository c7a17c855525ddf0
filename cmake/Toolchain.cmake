# Language level, warnings and third-party libraries, for every target of the project.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(CCACHE_EXECUTABLE ccache)
if(CCACHE_EXECUTABLE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_EXECUTABLE})
endif()

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS url)
find_package(OpenSSL REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tg_owt REQUIRED)
find_package(GTest REQUIRED)

add_library(owndir_options INTERFACE)
target_compile_options(owndir_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  -fno-omit-frame-pointer -ffunction-sections -fdata-sections)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of g++ 12 in optimised coroutine and string code.
  target_compile_options(owndir_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
    -Wno-array-bounds -Wno-dangling-pointer -Wno-stringop-overread -Wno-mismatched-new-delete)
else()
  # clang sees that libstdc++ 12 itself calls what it has deprecated (stable_sort's buffer).
  target_compile_options(owndir_options INTERFACE -Wno-deprecated-declarations)
endif()
target_compile_definitions(owndir_options INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_DISABLE_BOOST_COROUTINE _FILE_OFFSET_BITS=64 OWNDIR_VERSION="${PROJECT_VERSION}")
target_link_options(owndir_options INTERFACE -Wl,--gc-sections -Wl,--as-needed)
target_include_directories(owndir_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
target_link_libraries(owndir_options INTERFACE Threads::Threads Boost::headers fmt::fmt spdlog::spdlog)

if(OWNDIR_SANITIZE)
  target_compile_options(owndir_options INTERFACE -fsanitize=${OWNDIR_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(owndir_options INTERFACE -fsanitize=${OWNDIR_SANITIZE})
  if(OWNDIR_SANITIZE MATCHES "thread")
    target_compile_options(owndir_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  endif()
endif()
if(OWNDIR_FUZZ)
  target_compile_options(owndir_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
