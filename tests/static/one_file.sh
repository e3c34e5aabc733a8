#!/bin/sh
# one_file.sh PART PROGRAM DIRECTORY: the program needs no other file. DIRECTORY is made anew and removed.
# Exit code 77: this part cannot be tested here; it says why.
set -eu
part=$1
program=$2
root=$3

fail() {
    echo "$*" >&2
    exit 1
}

skip() {
    echo "SKIPPED: $*" >&2
    exit 77
}

# Has the file and nothing else.
make_root() {
    rm -rf "$root"
    mkdir -p "$root/dev"
    trap 'rm -rf "$root"' EXIT
    cp "$program" "$root/nestbed"
}

# Runs the program with the arguments $* in the root; its output is in $output, its exit code in $code.
# Without root's rights, as the root of a user namespace of its own.
in_root() {
    code=0
    if [ "$(id -u)" = 0 ]; then
        output=$(chroot "$root" /nestbed "$@" 2>&1) || code=$?
    else
        output=$(unshare --map-root-user chroot "$root" /nestbed "$@" 2>&1) || code=$?
    fi
}

# expect CODE TEXT ARGUMENT...
expect() {
    expected=$1
    text=$2
    shift 2
    in_root "$@"
    [ "$code" = "$expected" ] || fail "nestbed $*: exit code $code, not $expected: $output"
    case $output in
        *"$text"*) ;;
        *) fail "nestbed $*: no \"$text\" in: $output" ;;
    esac
}

need_chroot() {
    if [ "$(id -u)" != 0 ] && ! unshare --map-root-user true 2>/dev/null; then
        skip "only root may change the root folder here (no user namespaces)"
    fi
}

case $part in
    elf)
        headers=$(LC_ALL=C readelf --program-headers --dynamic --wide "$program")
        case $headers in *LOAD*) ;; *) fail "readelf shows no program: $headers" ;; esac
        case $headers in *INTERP*) fail "it asks for an interpreter: $headers" ;; esac
        case $headers in *NEEDED*) fail "it asks for a library: $headers" ;; esac
        ;;
    size)
        size=$(wc -c <"$program")
        [ "$size" -lt 24000000 ] || fail "$size bytes, more than the 24 MB of docs/one-file.md"
        ;;
    empty_root)
        need_chroot
        make_root
        expect 0 "nestbed " --version
        expect 0 "boot.empty" list
        expect 2 "see nestbed" run --no-such-option
        # Without /dev/kvm, /proc and /sys: it says so, and what it knows all the same.
        expect 3 "/dev/kvm" doctor
        ;;
    empty_root_with_kvm)
        need_chroot
        "$program" run boot --filter boot.empty >/dev/null 2>&1 ||
            skip "no usable KVM here (nestbed doctor says why)"
        make_root
        numbers=$(stat -c '0x%t 0x%T' /dev/kvm)
        # shellcheck disable=SC2086 # two words
        mknod -m 666 "$root/dev/kvm" c $numbers 2>/dev/null ||
            skip "/dev/kvm cannot be made in a folder: not root"
        # shellcheck disable=SC2217 # only opened
        (: <>"$root/dev/kvm") 2>/dev/null || skip "devices in $root cannot be opened (mounted with nodev?)"
        expect 0 "0 failed" run boot
        expect 0 "guests get" doctor
        # Symbols, lines and instructions: the libraries that diagnoses use are in there.
        expect 1 "=> " run crash --filter crash.page_fault
        case $output in
            *"mov qword ptr ["*"guest/suites/crash.cpp:"*) ;;
            *) fail "no instructions, or no lines, in: $output" ;;
        esac
        ;;
    *) fail "no part $part" ;;
esac
