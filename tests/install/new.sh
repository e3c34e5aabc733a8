#!/bin/sh
# new.sh CMAKE DIRECTORY COMPILER: what the installed `nestbed new` writes is built and run, with what is
# installed in DIRECTORY/prefix alone. Exits with 3 if there is no usable /dev/kvm for that.
set -eu
cmake=$1
prefix=$2/prefix
compiler=$3
folder=$2/new-by-$3

rm -rf "$folder"
mkdir "$folder"
cd "$folder"
PATH=$prefix/bin:$PATH # where CMake finds the package too
nestbed new 'my tests'
"$cmake" -S 'my tests' -B 'my tests/build' -DCMAKE_CXX_COMPILER="$compiler" \
    -DCMAKE_CXX_FLAGS='-Wall -Wextra -Wconversion -Wshadow -Wold-style-cast -Wpedantic -Werror'
grep -q '^CMAKE_PROJECT_NAME:STATIC=my_tests$' 'my tests/build/CMakeCache.txt'
"$cmake" --build 'my tests/build' --parallel 2
nestbed list 'my tests/build/guests/example.elf' >listed
grep -q 'example.user_mode_reads_what_was_mapped .*tests/example.cpp:' listed

nestbed doctor >/dev/null || exit 3
# As CI does it.
sh 'my tests/ci.sh' >output || {
    cat output
    exit 1
}
grep -q '^PASS  example.user_mode_reads_what_was_mapped' output
grep -q '2 passed, 0 failed, 0 skipped' output
grep -q '<testcase .*example' 'my tests/build/results.xml'
