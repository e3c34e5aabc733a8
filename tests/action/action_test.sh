#!/bin/sh
# action_test.sh SOURCES: the scripts of the GitHub action, with what they call (nestbed, docker, dpkg,
# apt-get) replaced by scripts that note it. What GitHub makes of action.yml nobody can try here.
set -eu
sources=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
complain() {
    echo "$1" >&2
    failed=1
}
mkdir -p "$folder/bin" "$folder/action/.github" "$folder/work/build/guests"
cp -r "$sources/.github/action" "$folder/action/.github/"
cd "$folder/work"
: >build/guests/mine.elf
: >build/guests/other.elf

stub() {
    { echo '#!/bin/sh'; echo "echo $1 \"\$@\" >>\"$folder/calls\""; cat; } >"$folder/bin/$1"
    chmod +x "$folder/bin/$1"
}
stub sudo <<'STUB'
"$@"
STUB
stub dpkg </dev/null
stub apt-get </dev/null
stub nestbed <<'STUB'
[ "$1" != doctor ] || exit "$DOCTOR"
[ "$1" != matrix ] || echo "${GITHUB_ACTIONS+::a command::}table of $2"
wants=
for word in "$@"; do
    [ "$wants" != --output ] || echo report >"$word"
    wants=$word
done
case " $* " in *" run "*) exit "$VERDICT" ;; esac
STUB
# The image's program is the one above.
stub docker <<'STUB'
case $1 in
    info | image) exit "$NO_DOCKER" ;;
    save) : >"$3" ;;
    run)
        case "$*" in
            *debian:12*) : >"$GITHUB_ACTION_PATH/build/release/package/nestbed_9_amd64.deb" ;;
            *)
                while [ "$1" != nestbed ]; do shift; done
                "$@"
                ;;
        esac
        ;;
esac
STUB
{
    echo '#!/bin/sh'
    echo "echo dev \"\$@\" >>\"$folder/calls\""
    echo ": >'$folder/action/build/release/package/nestbed_9_amd64.deb'"
} >"$folder/action/dev"
chmod +x "$folder/action/dev"

# with SCRIPT [ARGUMENT]: the action's script as GitHub would run it. The variables before it are for it.
with() {
    rm -rf "$folder/calls" "$folder/out" "$folder/summary" "$folder/action/build"
    mkdir -p "$folder/action/build/release/package"
    : >"$folder/calls"
    script=$1
    shift
    status=0
    env PATH="$folder/bin:$PATH" GITHUB_ACTION_PATH="$folder/action" GITHUB_OUTPUT="$folder/out" \
        GITHUB_STEP_SUMMARY="$folder/summary" GITHUB_WORKSPACE="$PWD" GITHUB_ACTIONS=true \
        NO_DOCKER="${no_docker:-1}" DOCTOR="${doctor:-0}" VERDICT="${verdict:-0}" \
        INPUT_GUESTS="${guests-build/guests/*.elf}" INPUT_BUILD="${build-: >built}" \
        INPUT_PAGING="${paging:-auto}" INPUT_ARGUMENTS="${arguments-}" INPUT_RESULTS=results \
        "$folder/action/.github/action/$script" "$@" >"$folder/stdout" 2>&1 || status=$?
}
called() {
    grep -q -e "$1" "$folder/calls" || complain "not called: $1; but: $(cat "$folder/calls" "$folder/stdout")"
}
not_called() {
    ! grep -e "$1" "$folder/calls" || complain "called: $1"
}

# The host's KVM, if it can be used; else an emulated machine, and that is said.
with run.sh
[ "$status" = 0 ] || complain "run.sh: $status"
[ -f built ] || complain "the guests were not built"
called '^nestbed run build/guests/mine.elf build/guests/other.elf --output results/host.json --output results/host.xml$'
grep -q 'environment=host' "$folder/out" || complain "no output says where"
grep -q '^table of results/host.json' "$folder/summary" || complain "no summary"
doctor=3 arguments='--repeat 2' with run.sh
called '^nestbed nested --paging npt -- run build/guests/mine.elf build/guests/other.elf --repeat 2 --output results/npt.json'
grep -q '::notice::' "$folder/stdout" || complain "it is not said that the machine is emulated"
paging=ept guests='' build='false' with run.sh
called '^nestbed nested --paging ept -- run --output results/ept.json'
not_called doctor

# What fails fails the step; files of an earlier run are not left.
verdict=1 with run.sh
[ "$status" = 1 ] || complain "a failed test: $status"
build=false with run.sh
[ "$status" = 1 ] || complain "a failed build: $status"
not_called nestbed
paging=nptt with run.sh
[ "$status" = 2 ] || complain "paging nptt: $status"

# With Docker, as the user who owns the files, and with /dev/kvm if there is one.
no_docker=0 with run.sh
called "docker run .*--user $(id -u):$(id -g) .*--volume $PWD:$PWD --workdir $PWD nestbed run build/guests/mine.elf"
if [ -e /dev/kvm ]; then called '--device /dev/kvm'; else not_called '--device'; fi

# The package is built once, and installed each time.
with prepare.sh "$folder/kept"
called '^dev package'
called "^dpkg --install $folder/kept/nestbed_amd64.deb"
called '^apt-get install .*qemu-system-x86'
not_called '^docker run'
with prepare.sh "$folder/kept"
not_called '^dev'
called '^dpkg --install'
no_docker=0 with prepare.sh "$folder/kept_with_docker"
called "^docker run --rm --volume $folder/action:/nestbed debian:12 /nestbed/dev package"
called '^docker build .*--file .*/container/Containerfile'
called '^docker save'
not_called '^dev'
no_docker=0 with prepare.sh "$folder/kept_with_docker"
called '^docker load'
not_called '^docker build'

# Other sources have another key; what is built of them has not.
key() {
    GITHUB_ACTION_PATH="$folder/action" "$folder/action/.github/action/key.sh"
}
echo one >"$folder/action/source"
first=$(key)
echo built >"$folder/action/build/file"
[ "$(key)" = "$first" ] || complain "the same sources have two keys"
echo two >"$folder/action/source"
[ "$(key)" != "$first" ] || complain "other sources have the same key"
exit "$failed"
