#!/bin/sh
# package_test.sh CPACK BUILD VERSION: the Debian package has what it should, as it should; dpkg
# installs it into an empty root, where it works, and removes it without a trace; and its notices name
# all that is linked into the program.
set -eu
cpack=$1
build=$2
version=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
complain() {
    echo "$1" >&2
    failed=1
}

# Not compressed, which takes most of the time. Whoever makes it, with whichever umask.
(umask 077 && "$cpack" --config "$build/CPackConfig.cmake" -B "$folder" \
    -D CPACK_DEBIAN_COMPRESSION_TYPE=none >"$folder/cpack.log" 2>&1) || {
    cat "$folder/cpack.log" >&2
    exit 1
}
package=$folder/nestbed_${version}_amd64.deb

dpkg-deb --contents "$package" >"$folder/contents"
while read -r path; do
    grep -qE " \./$path( -> nestbed)?\$" "$folder/contents" || complain "the package lacks $path"
done <<'PATHS'
usr/bin/nestbed
usr/bin/nestbed-qemu
usr/include/nestbed/paging/mapper.hpp
usr/lib/cmake/nestbed/nestbedConfig.cmake
usr/share/bash-completion/completions/nestbed
usr/share/doc/nestbed/NOTICES.gz
usr/share/doc/nestbed/changelog.gz
usr/share/doc/nestbed/copyright
usr/share/doc/nestbed/examples/github-workflow.yml
usr/share/doc/nestbed/writing-a-guest-test.md
usr/share/fish/vendor_completions.d/nestbed.fish
usr/share/man/man1/nestbed-measure-shootdown.1.gz
usr/share/man/man1/nestbed-run.1.gz
usr/share/man/man1/nestbed.1.gz
usr/share/nestbed/report.schema.json
usr/share/zsh/vendor-completions/_nestbed
PATHS
# Nothing of Google Test's or others' install rules, nothing of the build's folder.
if grep -vE ' \./(usr/((bin|include|include/nestbed|lib|lib/cmake|lib/cmake/nestbed|share)/)?)?$' \
    "$folder/contents" |
    grep -vE ' \./usr/(bin/nestbed$|bin/nestbed-qemu -> nestbed$|(include|lib/cmake|share)/)'; then
    complain "and what is that?"
fi
if grep -vE '^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx) root/root ' "$folder/contents"; then
    complain "such owners and modes are not for a package"
fi
if grep '^-rwx' "$folder/contents" | grep -vE ' \./usr/(bin/|.*[.]sh$)'; then
    complain "why can these be executed?"
fi

# An outsider's files would show in what is left behind.
root=$folder/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
: >"$root/var/lib/dpkg/status"
on_root() {
    dpkg --root="$root" --log="$folder/dpkg.log" --force-not-root --force-depends \
        --force-script-chrootless "$@" >"$folder/dpkg.out" 2>&1 || {
        cat "$folder/dpkg.out" >&2
        complain "dpkg $* failed"
    }
}
on_root --install "$package"
[ "$("$root/usr/bin/nestbed" --version)" = "nestbed $version" ] || complain "it does not run"
(cd "$root" && md5sum --quiet --check var/lib/dpkg/info/nestbed.md5sums) || complain "md5sums"
if grep -rlI "$build" "$root/usr" >&2; then
    complain "these files name the folder they were built in"
fi

# The link once more, to be told which archives are in it; whose they are; whether that is said.
notices=$root/usr/share/doc/nestbed/NOTICES.gz
link=$(ninja -C "$build" -t commands nestbed | tail -1 |
    sed "s| -o nestbed | -o '$folder/linked' -Wl,--trace |")
(cd "$build" && sh -c "$link") >"$folder/trace" 2>&1 || complain "cannot link: $(cat "$folder/trace")"
grep '^/.*[.]a$' "$folder/trace" | sort -u >"$folder/archives"
grep -q /libdw.a "$folder/archives" || complain "no libdw.a in what was linked: $(cat "$folder/trace")"
while read -r archive; do
    real=$(realpath "$archive")
    owner=$(dpkg-query --search "$real" 2>/dev/null ||
        dpkg-query --search "${real#/usr}" 2>/dev/null) || { complain "whose is $real?"; continue; }
    # shellcheck disable=SC2016 # dpkg's
    source=$(dpkg-query --show --showformat '${source:Package} ${source:Version}' "${owner%%:*}")
    gzip -dc "$notices" | grep -qx -e "$source" || complain "$archive is of $source, which has no notice"
done <"$folder/archives"

on_root --remove nestbed
left=$(find "$root" -mindepth 1 ! -path "$root/var*")
[ -z "$left" ] || complain "it left behind: $left"
exit "$failed"
