#!/bin/sh
# refused_calls.sh CMAKE DIRECTORY: nestbed_add_guest(), called in a wrong way, says so.
set -eu
cmake=$1
prefix=$2/prefix
project=$2/refused

rm -rf "$project"
mkdir "$project"
cat >"$project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(refused LANGUAGES CXX)
find_package(nestbed CONFIG REQUIRED COMPONENTS guest)
cmake_language(EVAL CODE "${CALL}")
END
echo >"$project/there.cpp"

# says TEXT CALL
says() {
    if "$cmake" -S "$project" -B "$project/build" -DCMAKE_PREFIX_PATH="$prefix" -DCALL="$2" \
        >"$project/output" 2>&1; then
        echo "accepted: $2" >&2
        exit 1
    fi
    # CMake breaks lines.
    if ! tr -s ' \n' '  ' <"$project/output" | grep -qF "$1"; then
        cat "$project/output"
        echo "$2: this was not said: $1" >&2
        exit 1
    fi
}

says 'no SOURCES. Say nestbed_add_guest(mine SOURCES' 'nestbed_add_guest(mine)'
says 'no SOURCES' 'nestbed_add_guest(mine SOURCES)'
says 'unknown argument there.cpp.' 'nestbed_add_guest(mine there.cpp)'
says 'unknown argument LIBS x.' 'nestbed_add_guest(mine LIBS x SOURCES there.cpp)'
says 'no name.' 'nestbed_add_guest(SOURCES there.cpp)'
says "there is no file $project/missing.cpp" 'nestbed_add_guest(mine SOURCES there.cpp missing.cpp)'
says 'is a folder' 'nestbed_add_guest(mine SOURCES .)'
says 'compiles for aarch64' 'set(CMAKE_SYSTEM_PROCESSOR aarch64)
nestbed_add_guest(mine SOURCES there.cpp)'
says '32 bits' 'set(CMAKE_SIZEOF_VOID_P 4)
nestbed_add_guest(mine SOURCES there.cpp)'
says 'GCC 12 or Clang 14' 'set(CMAKE_CXX_COMPILER_VERSION 11.4)
nestbed_add_guest(mine SOURCES there.cpp)'
says 'takes it back' 'set(CMAKE_CXX_COMPILER_ID Clang)
set(CMAKE_CXX_COMPILER_VERSION 14)
add_compile_options(--coverage)
nestbed_add_guest(mine SOURCES there.cpp)'
