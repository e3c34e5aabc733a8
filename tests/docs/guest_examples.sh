#!/bin/sh
# guest_examples.sh COMPILER DOCUMENT: every example of a guest in the document compiles.
# guest_examples.sh --first DOCUMENT: prints the first one, which is a whole file.
#
# An example with an #include is a whole file; one with a GUEST_TEST stands in a file; anything else in
# a test.
set -u
document=$2

# print_example N: nothing if there are fewer
print_example() {
    awk -v wanted="$1" '
        /^```cpp$/ { inside = ++count == wanted; next }
        /^```$/ { inside = 0 }
        inside' "$document"
}

if [ "$1" = --first ]; then
    print_example 1
    exit
fi

compiler=$1
# What is defined in an example need not be used there.
flags='-std=c++20 -DNESTBED_GUEST -O2 -ffreestanding -fno-pie -mcmodel=kernel -mno-red-zone -fno-exceptions
    -fno-rtti -Wall -Wextra -Wconversion -Wshadow -Wold-style-cast -Werror -Wno-unused -I .'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

headers() {
    for header in harness/measure harness/test kernel/address_space kernel/smp kernel/user; do
        echo "#include \"guest/$header.hpp\""
    done
}

# whole_file EXAMPLE
whole_file() {
    if grep -q '^#include' "$1"; then
        cat "$1"
    else
        headers
        echo 'namespace nestbed::guest {'
        if grep -q '^GUEST_TEST' "$1"; then
            cat "$1"
        else
            echo 'GUEST_TEST(documented, example) {'
            cat "$1"
            echo '}'
        fi
        echo '}  // namespace nestbed::guest'
    fi
}

number=1 failed=0
while print_example $number >"$work/example" && [ -s "$work/example" ]; do
    whole_file "$work/example" >"$work/example.cpp"
    # shellcheck disable=SC2086 # a list of words
    if ! $compiler $flags -fsyntax-only "$work/example.cpp"; then
        echo "$document: example $number does not compile with $compiler" >&2
        failed=$((failed + 1))
    fi
    number=$((number + 1))
done
echo "$((number - 1)) examples, $failed failed"
[ "$number" -gt 1 ] && [ "$failed" -eq 0 ]
