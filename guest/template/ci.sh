#!/bin/sh
# sh ci.sh [emulated]: builds the guests and runs their tests, for any CI system and at home. On this
# machine's /dev/kvm; where that cannot be used, or as `emulated`, in a machine that QEMU emulates.
# The results are in build/results.xml (JUnit).
#
# On a fresh Debian 12, as root or with sudo, it first installs what that takes: NESTBED_DEB is the URL,
# or the path, of nestbed's Debian package. GitLab wants no more than `image: debian:12` and
# `script: sh ci.sh`.
set -eu
cd "$(dirname "$0")"

if ! command -v nestbed >/dev/null; then
    if [ -z "${NESTBED_DEB:-}" ]; then
        echo "ci.sh: nestbed is not installed: set NESTBED_DEB to the URL of its Debian package" >&2
        exit 2
    fi
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update -qq
    $as_root apt-get install -y -qq --no-install-recommends g++ cmake make \
        qemu-system-x86 curl ca-certificates
    download=$(mktemp -d)
    trap 'rm -rf "$download"' EXIT
    chmod 755 "$download" # apt's own user reads it
    case $NESTBED_DEB in
        *://*) curl -fsSL -o "$download/nestbed.deb" "$NESTBED_DEB" ;;
        *) cp "$NESTBED_DEB" "$download/nestbed.deb" ;;
    esac
    $as_root apt-get install -y -qq --no-install-recommends "$download/nestbed.deb"
fi

cmake -S . -B build
cmake --build build --parallel

machine=
if [ "${1:-}" = emulated ] || ! nestbed doctor; then
    # Its kernel is Debian's; it is downloaded once, and kept there.
    export XDG_CACHE_HOME="$PWD/.cache"
    machine='nested --paging npt --'
fi
# shellcheck disable=SC2086 # words
nestbed $machine run build/guests/*.elf --output build/results.xml
