#!/bin/sh
# Compiles every header of shared/ by itself, freestanding, and all of them together, hosted, with
# the compiler $1.
set -u
cd "$(dirname "$0")/../.."
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

compile "$(echo shared/*/*.hpp)"
for header in shared/*/*.hpp; do
    # shellcheck disable=SC2086
    case $header in
        # The entry library and what it stands on serve kernels that have no FPU state to spare.
        shared/arch/* | shared/paging/* | shared/stats/*)
            compile "$header" $kernel -mgeneral-regs-only
            ;;
        # <atomic> of libstdc++ names long double, which Clang refuses without the FPU.
        *)
            compile "$header" $kernel
            ;;
    esac
done

echo "$count compilations, $failed failed"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
