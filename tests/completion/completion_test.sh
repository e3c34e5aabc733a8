#!/bin/bash
# completion_test.sh NESTBED: what bash makes of words that somebody has begun. The scripts for zsh and
# fish, which ask the program the same, are read by their shells where these are installed.
set -u
nestbed=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
touch mine.elf 'with blank.json'
mkdir cache
failed=0

"$nestbed" completion bash >script || exit 1
# shellcheck disable=SC1091
source ./script

# expect "REPLY|REPLY…" WORD... CURRENT: what is offered, in this order; "…" at its end: and more.
expect() {
    local wanted=$1 found
    shift
    # shellcheck disable=SC2034 # the script reads them
    COMP_WORDS=("$nestbed" "$@") COMP_CWORD=$#
    _nestbed
    found=$(IFS='|'; echo "${COMPREPLY[*]}")
    # shellcheck disable=SC2053 # a pattern
    if [[ $found != ${wanted/%…/*} ]]; then
        echo "nestbed $*: $found, not $wanted" >&2
        failed=1
    fi
}

expect run ru
expect 'doctor|list|run|…' ''
expect '' nested-i
expect '--format' run --form
expect 'human|json|csv|junit|tap' run --format ''
expect json run --format js
expect json run --format = js
expect 'human|json|csv|junit|tap' run --format =
expect 'anon|thp|memfd|hugetlb-2m|hugetlb-1g|all' measure walk --backing ''
expect 'shootdown' measure sho
expect 'auto|always|never' run --color ''
expect 'brief' run --diagnosis b
expect 'human|json' compare --format ''
expect 'global,polled' measure shootdown --protocol global,poll
expect 'npt|shadow|ept' nested --paging ''
expect 'doctor|list|run|measure|kut' nested --paging npt -- ''
expect '--filter' nested --paging npt -- run --fi
expect 'paging' run boot pag
expect 'mine.elf' run min
expect 'mine.elf' run --verbose min
expect '' run --cpus ''
expect 'with blank.json' compare mine.elf wi
expect 'cache' nested --cache ''
expect 'with blank.json' run --output wi
expect 'bash|zsh|fish' completion ''
expect '' run --no-such-option=

# check SHELL OPTION
check() {
    if command -v "$1" >/dev/null; then
        "$nestbed" completion "$1" >script
        "$1" "$2" script || failed=1
    fi
}
check bash -n
check zsh -n
check fish --no-execute
exit "$failed"
