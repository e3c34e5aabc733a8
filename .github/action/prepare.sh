#!/bin/sh
# Installs nestbed's package, so that a project's CMake finds it, and makes ready what it is run in: an
# image for Docker, or, where there is no Docker, this Debian with the emulators.
#
# What takes minutes is kept in the folder $1, which the action caches.
set -eu
kept=$1
here=$GITHUB_ACTION_PATH

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
has_docker() {
    docker info >/dev/null 2>&1
}

mkdir -p "$kept"
if [ ! -f "$kept/nestbed_amd64.deb" ]; then
    echo "::group::Building nestbed's package"
    if has_docker; then
        docker run --rm --volume "$here:/nestbed" debian:12 /nestbed/dev package
    else
        "$here/dev" package
    fi
    cp "$here"/build/release/package/nestbed_*_amd64.deb "$kept/nestbed_amd64.deb"
    echo "::endgroup::"
fi
as_root dpkg --install "$kept/nestbed_amd64.deb"

echo "::group::Preparing what nestbed runs in"
if ! has_docker; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        qemu-system-x86 bochs bochs-term bochsbios vgabios grub-pc-bin grub-common xorriso xz-utils
elif [ -f "$kept/image.tar" ]; then
    docker load --input "$kept/image.tar"
else
    docker build --tag nestbed --file "$here/container/Containerfile" "$kept"
    docker save --output "$kept/image.tar" nestbed
fi
echo "::endgroup::"
