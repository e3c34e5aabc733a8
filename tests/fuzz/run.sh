#!/bin/sh
# Runs a fuzz target for so many seconds. What it finds is left in the build's folder, and so are the
# inputs that took ways of their own: the next run goes on from them.
#
#     run.sh BUILD SECONDS TARGET
set -eu
build=$1
target=$3
sources=$(dirname "$0")
program=$build/tests/fuzz/fuzz_$target
log=$build/$target.log
mkdir -p "$build/finds" "$build/corpus/$target"
dictionary=
[ ! -f "$sources/$target.dict" ] || dictionary=-dict=$sources/$target.dict
status=0
# shellcheck disable=SC2086 # none, or one word
"$program" $dictionary -max_total_time="$2" -timeout=30 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/finds/$target-" "$build/corpus/$target" "$sources/corpus/$target" \
    >"$log" 2>&1 || status=$?
executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
if [ "$status" = 0 ] && [ -n "$executions" ]; then
    echo "$target: $executions executions, nothing found"
    exit 0
fi
input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
echo "FAILED: $target (exit code $status): $log"
grep -aE '^SUMMARY|^this does not hold|runtime error' "$log" | sed 's/^/    /' || true
[ -z "$input" ] || echo "    again: $program $input"
exit 1
