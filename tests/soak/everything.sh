#!/bin/sh
# Everything at once, again and again for so many minutes, beside busy loops: what passes by itself
# passes here, too. What does not is said, with the command and its seed.
#
#     everything.sh PROGRAM MINUTES FOLDER [NESTED]
#
# NESTED: an environment for `nestbed nested --paging`. FOLDER has what each kind of run said last,
# and of those that went wrong all.
set -u
program=$1
until=$(($(date +%s) + $2 * 60))
folder=$3
nested=${4:-}
cores=$(nproc)
mkdir -p "$folder"
rm -f "$folder"/*.failed "$folder"/*.count

is_time_left() {
    [ "$(date +%s)" -lt "$until" ]
}

# What TAP says of each test, whatever the order.
verdicts_in() {
    sed -n 's/\( # SKIP\) .*/\1/; s/^\(not ok\|ok\) [0-9]*/\1/p' "$1" | sort
}

# stream NAME CODE ARGUMENTS: runs the program until the time is over. Each run ends with exit code
# CODE, and with the verdicts of the first. SEED in the arguments is another number each time.
stream() {
    name=$1
    expected=$2
    shift 2
    run=0
    while is_time_left; do
        run=$((run + 1))
        arguments=$(echo "$*" | sed "s/SEED/$run/")
        status=0
        # shellcheck disable=SC2086 # words
        "$program" $arguments --format tap >"$folder/$name.tap" 2>"$folder/$name.err" || status=$?
        verdicts=$(verdicts_in "$folder/$name.tap")
        : "${first:=$verdicts}"
        if [ "$status" != "$expected" ] || [ -z "$verdicts" ] || [ "$verdicts" != "$first" ]; then
            failure=$folder/$name.$run.failed
            cat "$folder/$name.err" "$folder/$name.tap" >"$failure"
            echo "*** exit code $status (expected: $expected), or other verdicts than before:" \
                "$program $arguments ($failure)"
        fi
        echo "$run" >"$folder/$name.count"
    done
}

busy() {
    while is_time_left; do
        n=0
        while [ "$n" -lt 1000000 ]; do n=$((n + 1)); done
    done
}

processes=
begin() {
    "$@" &
    processes="$processes $!"
}
# A stream's run is its child.
end_all() {
    for process in $processes; do
        kill "$process" 2>/dev/null
        pkill -P "$process"
    done
    exit 130
}
trap end_all INT TERM HUP

for _ in $(seq "$cores"); do
    begin busy
done
many=$((cores * 4))
long='--timeout 900'
begin stream suites 0 run --jobs "$many" --shuffle SEED "$long"
begin stream pinned 0 run paging flush shootdown ipi --pin --shuffle SEED "$long"
begin stream crashes 1 run crash --filter 'crash.*:-crash.now_and_then' --jobs "$many" \
    --shuffle SEED --timeout 60
begin stream hangs 1 run crash --filter 'crash.hang*' --jobs "$many" --timeout 1
begin stream shootdown 0 measure shootdown --timeout 900
begin stream faults 0 measure fault --timeout 900
[ -z "$nested" ] || begin stream nested 0 nested --paging "$nested" -- run boot channel "$long"
# shellcheck disable=SC2086 # words
wait $processes

wrong=0
for count in "$folder"/*.count; do
    name=$(basename "$count" .count)
    failures=$(find "$folder" -name "$name.*.failed" | wc -l)
    wrong=$((wrong + failures))
    echo "  $name: $(cat "$count") runs, $failures went wrong"
done
[ "$wrong" = 0 ]
