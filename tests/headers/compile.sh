#!/bin/sh
# Compiles the headers of shared/, freestanding and hosted, with the compiler $1: all of them together,
# or, with GCC, each by itself as well. One that lacks an #include lacks it for every compiler.
set -u
cd "$(dirname "$0")/../.." || exit
compiler=$1
warnings='-std=c++20 -Wall -Wextra -Wconversion -Wshadow -Wold-style-cast -Werror'
kernel='-ffreestanding -fno-exceptions -fno-rtti -fno-pic -mcmodel=kernel -mno-red-zone'
failed=0
count=0

# compile HEADERS [FLAG ...]
compile() {
    headers=$1
    shift
    count=$((count + 1))
    # shellcheck disable=SC2086 # lists of words
    if ! printf '#include "%s"\n' $headers |
        $compiler $warnings "$@" -fsyntax-only -I . -x c++ -; then
        echo "failed: $compiler $* on $headers" >&2
        failed=$((failed + 1))
    fi
}

# The entry library and what it stands on serve kernels that have no FPU state to spare.
without_fpu=$(echo shared/arch/*.hpp shared/paging/*.hpp shared/stats/*.hpp)
# <atomic> of libstdc++ names long double, which Clang refuses without the FPU.
others=$(find shared -name '*.hpp' | sort | grep -v -E '^shared/(arch|paging|stats)/')

# compile_each HEADERS [FLAG ...]
compile_each() {
    each=$1
    shift
    for header in $each; do
        compile "$header" "$@"
    done
}

# shellcheck disable=SC2086 # lists of words
{
    compile "$without_fpu $others"
    compile "$without_fpu" $kernel -mgeneral-regs-only
    compile "$others" $kernel
    if [ "$compiler" = g++ ]; then
        compile_each "$without_fpu" $kernel -mgeneral-regs-only
        compile_each "$others" $kernel
    fi
}

echo "$count compilations, $failed failed"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
