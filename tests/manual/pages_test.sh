#!/bin/sh
# pages_test.sh NESTBED: the manual pages are right in the eyes of mandoc (and of groff, if it is
# there), and have what --help has.
set -eu
nestbed=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
complain() {
    echo "$1" >&2
    failed=1
}

mkdir "$folder/once" "$folder/again"
"$nestbed" manual "$folder/once"
"$nestbed" manual "$folder/again"
diff -r "$folder/once" "$folder/again" || complain "not the same when made again"

# check COMMAND...: its page, and those of the commands below it.
check() {
    page=$folder/once/$(echo nestbed "$@" | tr ' ' -).1
    if [ ! -f "$page" ]; then
        complain "nestbed $* has no page"
        return
    fi
    mandoc -T lint "$page" || complain "$page: see above"
    if command -v groff >/dev/null; then
        words=$(groff -man -ww -z "$page" 2>&1)
        [ -z "$words" ] || complain "$words"
    fi
    # Bold and underlined characters are struck over each other.
    mandoc -T ascii "$page" | sed 's/.\x08//g' >"$folder/text"
    help=$("$nestbed" "$@" --help)
    for option in $(echo "$help" | sed -n 's/^ *\(-[^ :]*\).*/\1/p' | tr , '\n'); do
        grep -qw -e "$option" "$folder/text" || complain "$page lacks $option"
    done
    grep -q "^EXIT STATUS" "$folder/text" || complain "$page does not say what exit codes mean"
    for command in $(echo "$help" | sed -n '/^Subcommands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do
        (check "$@" "$command" && [ "$failed" = 0 ]) || failed=1
        pages=$((pages + 1))
    done
}
pages=1
check
# At least those that there are now.
[ "$pages" -ge 10 ] || complain "only $pages pages were looked at"
exit "$failed"
