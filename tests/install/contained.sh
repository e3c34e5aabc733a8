#!/bin/sh
# contained.sh CMAKE SOURCES DIRECTORY: a project that contains nestbed, and has targets of the names of
# its suites, makes guests; it gets no program, no suites and no tests with it.
set -eu
cmake=$1
sources=$2
project=$3/contained

rm -rf "$project"
mkdir -p "$project"
for suite in "$sources"/guest/suites/*.cpp nestbed nestbed_guest; do
    echo "add_custom_target($(basename "$suite" .cpp))"
done >"$project/targets.cmake"
cat >"$project/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(containing LANGUAGES CXX)
enable_testing()
include(targets.cmake)
add_subdirectory($sources nestbed)
nestbed_add_guest(mine SOURCES mine.cpp)
END
echo '#include "guest/harness/test.hpp"
GUEST_TEST(mine, passes) {}' >"$project/mine.cpp"
"$cmake" -S "$project" -B "$project/build" -G "Unix Makefiles"
"$cmake" --build "$project/build" --target help >"$project/targets"
if grep -E '(vmm|unit)_tests|nestbed-guest-[a-z_]*$' "$project/targets" | grep -v -- -runtime; then
    echo "these came with it" >&2
    exit 1
fi
grep -q ' mine$' "$project/targets"
if grep '^NESTBED_MAINTAINER:' "$project/build/CMakeCache.txt"; then
    echo "a project that contains nestbed makes no package of it" >&2
    exit 1
fi
# Of what a guest is made of, as much as tells that its sources and headers are found.
"$cmake" --build "$project/build" --target mine.cpp.o
