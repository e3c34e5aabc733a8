#!/bin/sh
# The arrows are right here (arrows.sh), and wrong ones would be seen.
#
#     arrows_test.sh ROOT
set -eu
here=$(dirname "$0")
"$here/arrows.sh" "$1"

copy=$(mktemp -d)
trap 'rm -r "$copy"' EXIT

# plant FILE LINE WORDS: with LINE at the end of FILE the check fails, and says WORDS.
plant() {
  (cd "$1" && tar cf - vmm shared guest bench docs/architecture.md) | (cd "$copy" && tar xf -)
  echo "$3" >>"$copy/$2"
  if "$here/arrows.sh" "$copy" >"$copy/said"; then
    echo "not seen: $3 in $2" >&2
    exit 1
  fi
  if ! grep -qF "$4" "$copy/said"; then
    cat "$copy/said" >&2
    exit 1
  fi
}
plant "$1" vmm/result/judge.hpp '#include "vmm/render/human.hpp"' 'vmm/result may not include vmm/render'
plant "$1" vmm/result/judge.hpp '#include "vmm/render/human.hpp"' 'part of a circle: vmm/result vmm/render'
plant "$1" shared/paging/entry.hpp '#include "../channel/abi.hpp"' 'shared/paging may not include shared/channel'
plant "$1" vmm/kvm/vm.hpp ' #  include <guest/kernel/boot.hpp>' 'vmm/kvm may not include guest/kernel'
plant "$1" vmm/kvm/vm.hpp '#include "guest/kernel/boot.hpp"' 'vmm/kvm may not include guest/kernel'
plant "$1" docs/architecture.md '| `vmm/cellar` | wine | |' 'vmm/cellar'
plant "$1" docs/architecture.md '- `vmm/kvm` → `vmm/cli`' 'still has it to go'
mkdir "$copy/vmm/attic"
plant "$1" vmm/attic/trunk.hpp '#include "vmm/base/error.hpp"' 'vmm/attic: docs/architecture.md has no row'
