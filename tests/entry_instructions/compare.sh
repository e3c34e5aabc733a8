#!/bin/sh
# compare.sh LIBRARY.o C.o: the instructions of each function in both objects. Fails if the library
# has more than C, or than is allowed and explained here, or if a function is missing from one.
set -eu

# FUNCTION COUNT WHY: what the library may have where C has less. The counts are those of GCC 12,
# which leaves more behind than Clang.
allowances='
is_table 8 GCC tests P and PS one after the other
is_leaf_2m 6 GCC tests P and PS one after the other
frame_of_leaf_2m 11 GCC tests PS again in leaf_frame()
optional_frame_4k 16 GCC tests the flag of the optional that it has just set
optional_frame_2m 12 GCC tests the flag of the optional that it has just set
optional_table 16 GCC tests the flag of the optional that it has just set
optional_available_high 14 GCC tests the flag of the optional that it has just set
permission_of 8 widens the Permission, a byte, to the unsigned that is asked for
reserved_in_pml4e 22 GCC ORs a constant on both sides of a branch
'

# Padding between functions is not counted, nor is the landing pad of indirect-branch tracking.
count() {
    objdump --disassemble --no-show-raw-insn "$1" | awk '
        /^[0-9a-f]+ <[^>]*>:$/ {
            name = $2
            gsub(/[<>:]/, "", name)
            sub(/[.]cold$/, "", name)
            counts[name] += 0
            next
        }
        /^ +[0-9a-f]+:/ && !/\t(data16 |cs )*nop|\txchg +%ax,%ax|\tint3|\tendbr64/ { ++counts[name] }
        END { for (name in counts) print name, counts[name] }' | LC_ALL=C sort
}

directory=$(mktemp -d)
trap 'rm -r "$directory"' EXIT
echo "$allowances" >"$directory/allowances"
count "$1" >"$directory/library"
count "$2" >"$directory/floor"

LC_ALL=C join -a 1 -a 2 -e missing -o 0,1.2,2.2 "$directory/library" "$directory/floor" |
    awk '
    FNR == NR {
        if (NF > 0) {
            name = $1
            allowed[name] = $2
            sub(/^[^ ]+ [^ ]+ /, "")
            why[name] = $0
        }
        next
    }
    FNR == 1 { printf "%-24s %8s %8s\n", "instructions", "library", "C" }
    {
        ++functions
        note = ""
        if ($2 == "missing" || $3 == "missing") {
            note = "NOT IN BOTH"
            ++failed
        } else if ($2 + 0 > $3 + 0) {
            if ($1 in allowed && $2 + 0 <= allowed[$1]) {
                note = "allowed: " why[$1]
                ++more
            } else {
                note = "TOO MANY"
                ++failed
            }
        }
        printf "%-24s %8s %8s  %s\n", $1, $2, $3, note
    }
    END {
        printf "%d functions: %d with more instructions than C as allowed, %d failed\n",
            functions, more, failed
        exit functions == 0 || failed > 0
    }' "$directory/allowances" -
