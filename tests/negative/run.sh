#!/bin/sh
# run.sh COMPILER: what the types of shared/paging must catch does not compile.
#
# Each file of cases/ misuses the library once. Compiled as it is, it must fail with the message that
# it expects; with WITHOUT_MISUSE it must compile, or the failure would prove nothing: so they do all
# together, each `use` under a name of its own.
set -u
cd "$(dirname "$0")/../.."
compiler=$1
flags='-std=c++20 -Wall -Wextra -Wconversion -Wshadow -Wold-style-cast -Werror -I .'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
messages=$work/messages

# Most of the time would go into reading the library again for each case.
echo '#include "tests/negative/mapper.hpp"' >"$work/library.hpp"
case $compiler in
    *clang*) precompiled=$work/library.pch library="-include-pch $work/library.pch" ;;
    *) precompiled=$work/library.hpp.gch library="-include $work/library.hpp" ;;
esac
# shellcheck disable=SC2086 # a list of words
$compiler $flags -x c++-header "$work/library.hpp" -o "$precompiled" || exit 1

failed=0
count=0

# compiles FILE
compiles() {
    # shellcheck disable=SC2086 # lists of words
    LC_ALL=C $compiler $flags $library -fsyntax-only "$1" 2>"$messages"
}

complain() {
    echo "$compiler: $1" >&2
    cat "$messages" >&2
    failed=$((failed + 1))
}

{
    echo '#define WITHOUT_MISUSE'
    for case in tests/negative/cases/*.cpp; do
        printf '#define use use_%s\n#include "%s"\n#undef use\n' \
            "$(basename "$case" .cpp)" "$case"
    done
} >"$work/uses.cpp"
compiles "$work/uses.cpp" || complain "without their misuse the cases do not compile"

for case in tests/negative/cases/*.cpp; do
    count=$((count + 1))
    expected=$(sed -n "s,^// expected\( of $compiler\)\{0\,1\}: ,,p" "$case")
    if [ -z "$expected" ]; then
        complain "$case does not say what it expects"
    elif compiles "$case"; then
        complain "$case compiles"
    elif ! grep -E -q "error: .*($expected)" "$messages"; then
        complain "$case fails, but not with \"$expected\""
    fi
done

echo "$count cases, $failed failed"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
