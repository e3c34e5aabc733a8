#!/bin/sh
# README has the exit codes word for word as the program's help has them.
#
#     exit_codes.sh NESTBED README
set -eu
help=$("$1" --help | sed -n '/^Exit codes:/,$p')
case $(cat "$2") in
  *"$help"*) ;;
  *)
    echo "not in $2:"
    echo "$help"
    exit 1
    ;;
esac
