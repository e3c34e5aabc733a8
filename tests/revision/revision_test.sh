#!/bin/sh
# The file that says which sources the program was built from (cmake/WriteRevision.cmake), with a
# `git` that answers as told.
#
#     revision_test.sh CMAKE ROOT
set -eu
cmake=$1
root=$2
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir -p "$work/sources/.git" "$work/bin"

cat >"$work/bin/git" <<'GIT'
#!/bin/sh
test -z "${GIT_DIR-}" || exit 128
case "$*" in
  *" rev-parse HEAD") printf %s "$COMMIT" ;;
  *" status --porcelain") printf %s "$CHANGES" ;;
esac
exit "$FAILS"
GIT
chmod +x "$work/bin/git"

write() {
  "$cmake" -D SOURCES="$work/sources" -D TEMPLATE="$root/cmake/revision.cpp.in" \
    -D FILE="$work/revision.cpp" -P "$root/cmake/WriteRevision.cmake"
}

# expect REVISION WHY
expect() {
  write
  if ! grep -qF "source_revision = \"$1\";" "$work/revision.cpp"; then
    echo "$2: expected \"$1\"" >&2
    cat "$work/revision.cpp" >&2
    exit 1
  fi
}

PATH=$work/bin:$PATH COMMIT=12ab CHANGES='' FAILS=0
export PATH COMMIT CHANGES FAILS
expect 12ab 'a clean tree'
GIT_DIR=/elsewhere expect 12ab 'in a hook of git'

touch -d 2001-01-01 "$work/revision.cpp"
write
if [ -n "$(find "$work/revision.cpp" -newermt 2001-01-02)" ]; then
  echo 'the same answer writes the file again' >&2
  exit 1
fi

CHANGES='?? new.cpp'
expect 12ab-dirty 'a tree with changes'
CHANGES=''
FAILS=128
expect '' 'git refuses'
FAILS=0
rmdir "$work/sources/.git"
expect '' "sources in somebody else's repository"
mkdir "$work/sources/.git"
chmod -x "$work/bin/git"
usual=$PATH
PATH=$work/bin
write
PATH=$usual
grep -qF 'source_revision = "";' "$work/revision.cpp" || {
  echo 'without git: expected ""' >&2
  exit 1
}
