#!/bin/sh
# new_refused.sh NESTBED DIRECTORY: where `nestbed new` writes and where it does not, and that it leaves
# nothing behind if it fails.
set -eu
nestbed=$1
folder=$2/refused

rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

# refuses CODE TEXT ARGUMENT...: and nothing is there afterwards that was not before.
refuses() {
    code=$1
    text=$2
    shift 2
    before=$(find . | sort)
    status=0
    said=$("$nestbed" new "$@" 2>&1) || status=$?
    case $said in
        *"$text"*) ;;
        *) status="$status: $said" ;;
    esac
    after=$(find . | sort)
    if [ "$status" != "$code" ] || [ "$before" != "$after" ]; then
        echo "nestbed new $*: $status, expected $code: $text" >&2
        echo "$after" >&2
        exit 1
    fi
}

mkdir full empty here
touch full/.hidden file
ln -s nowhere dangling
ln -s empty link
refuses 2 'DIR'
refuses 2 'empty, it names no folder' ''
refuses 2 'is not empty (it has .hidden in it)' full
refuses 2 'is there already, and no folder' file
refuses 2 'is a link to what is not there' dangling
refuses 4 'cannot make the folder' file/below
refuses 4 'cannot make the folder' /proc/nothing/there
# The third of its files does not fit any more: there is room for the names of all, for the text of few.
if [ "$(id -u)" = 0 ]; then
    mkdir disk
    if mount -t tmpfs -o size=4k nestbed disk 2>/dev/null; then
        trap 'umount disk' EXIT
        refuses 4 'No space left' disk/new/project
        umount disk
        trap - EXIT
    fi
fi

"$nestbed" new new/deep/ >said
[ -f new/deep/.github/workflows/nestbed.yml ]
grep -q '^project(deep ' new/deep/CMakeLists.txt
grep -q 'cmake -S new/deep -B new/deep/build' said
refuses 2 'is not empty' new/deep
"$nestbed" new link >said
[ -f empty/CMakeLists.txt ]
grep -q '^project(link ' empty/CMakeLists.txt
(cd here && "$nestbed" new .) >said
grep -q '^project(here ' here/CMakeLists.txt
grep -q 'nestbed run build/guests/example.elf' said
"$nestbed" new "3 it's-é" >said
grep -q '^project(guests_3_it_s___ ' "3 it's-é/CMakeLists.txt"
grep -qF "cmake --build '3 it'\\''s-é/build'" said
"$nestbed" new -- --- >said
grep -q '^project(guests ' ./---/CMakeLists.txt
if grep -r '@[A-Z]*@' new here empty; then
    echo "a placeholder was left" >&2
    exit 1
fi
