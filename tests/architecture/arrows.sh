#!/bin/sh
# Which folder includes which: fails on an arrow that the table of folders in docs/architecture.md
# does not allow, on a circle, and on what the table says and is not so.
#
#     arrows.sh ROOT
set -eu
cd "$1"
{
  # Rows: "| `folder` | what it is | `folder` `folder` |". Below the table, arrows that are still to go:
  # "- `folder` → `folder`".
  sed -n 's/^\(| `\(vmm\|shared\|guest\|bench\).*|\)$/row \1/p; s/^- `\([^`]*\)` → `\([^`]*\)`.*/late \1 \2/p' \
    docs/architecture.md
  find vmm shared guest bench -type f -name '*.*pp' | sed 's/^/file /'
  find vmm shared guest bench -type f \( -name '*.?pp' -o -name '*.[chS]' \) -exec \
    grep -oHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<][^">]+[">]' {} + |
    sed 's/:[^:"<]*["<]/ /; s/[">]$//; s/^/include /'
} | awk '
function folder_of(path, part) {
  split(path, part, "/")
  return part[1] == "bench" ? "bench" : part[1] "/" part[2]
}
function complain(text) { print text; bad = 1 }
$1 == "row" {
  split($0, cell, "|")
  split(cell[2], name, "`")
  known[name[2]] = 1
  count = split(cell[4], to, "`")
  for (n = 2; n <= count; n += 2) allowed[name[2] " " to[n]] = 1
}
$1 == "late" { late[$2 " " $3] = 1 }
$1 == "file" { exists[folder_of($2)] = 1 }
$1 == "include" {
  from = folder_of($2)
  if ($3 ~ /^\.\.\//) {
    sub(/^\.\.\//, "", $3)
    to_folder = folder_of(substr(from, 1, index(from, "/")) $3)
  } else if ($3 ~ /^(vmm|shared|guest|bench)\//) {
    to_folder = folder_of($3)
  } else {
    next  # beside it
  }
  if (from == to_folder) next
  arrow = from " " to_folder
  if (arrow in late) { seen[arrow] = 1; next }
  if (!(arrow in allowed)) {
    split(to_folder, top, "/")
    if (!((from " " top[1] "/*") in allowed)) complain($2 ": " from " may not include " to_folder)
  }
  arrows[arrow] = 1
}
END {
  for (folder in exists) if (!(folder in known)) complain(folder ": docs/architecture.md has no row of it")
  for (folder in known) if (!(folder in exists)) complain(folder ": docs/architecture.md has a row of it, and it is gone")
  for (arrow in late) if (!(arrow in seen)) complain(arrow ": gone, and docs/architecture.md still has it to go")
  # What includes nothing that is left, or is included by nothing, is no part of a circle.
  do {
    removed = 0
    split("", includes)
    split("", included)
    for (arrow in arrows) { split(arrow, end, " "); includes[end[1]] = included[end[2]] = 1 }
    for (arrow in arrows) {
      split(arrow, end, " ")
      if (!(end[2] in includes) || !(end[1] in included)) { delete arrows[arrow]; removed = 1 }
    }
  } while (removed)
  for (arrow in arrows) complain("part of a circle: " arrow)
  exit bad
}'
