#!/bin/sh
# Builds a project's guests, runs them where INPUT_PAGING says, and leaves in the folder INPUT_RESULTS
# a JSON and a JUnit file. Ends as `nestbed run` does.
set -eu
# Lists of words and patterns, as their author would write them for a shell.
guests=$INPUT_GUESTS
arguments=$INPUT_ARGUMENTS
results=$INPUT_RESULTS
environment=$INPUT_PAGING

# nestbed in its image, with the files of the workspace under their own names and as the user who owns
# them, and with /dev/kvm, if there is one. Without Docker, nestbed as it is installed here.
nestbed() {
    if ! docker image inspect nestbed >/dev/null 2>&1; then
        command nestbed "$@"
        return
    fi
    kvm=
    [ ! -e /dev/kvm ] || kvm="--device /dev/kvm --group-add $(stat --format %g /dev/kvm)"
    # shellcheck disable=SC2086 # words
    docker run --rm --init $kvm --user "$(id -u):$(id -g)" \
        --env GITHUB_ACTIONS --env GITHUB_WORKSPACE \
        --volume "$GITHUB_WORKSPACE:$GITHUB_WORKSPACE" --workdir "$PWD" nestbed "$@"
}

case $environment in
    auto | host | npt | shadow | ept) ;;
    *)
        echo "::error::nestbed: there is no paging $environment (auto, host, npt, shadow, ept)"
        exit 2
        ;;
esac

[ -z "$guests" ] || [ -z "$INPUT_BUILD" ] || bash -eo pipefail -c "$INPUT_BUILD"

mkdir -p "$results"
if [ "$environment" = auto ]; then
    if nestbed doctor >"$results/doctor.txt" 2>&1; then
        environment=host
    else
        environment=npt
        echo "::notice::nestbed: no usable /dev/kvm here: the guests run in an emulated machine"
    fi
fi
machine=
[ "$environment" = host ] || machine="nested --paging $environment --"

# A file of an earlier run is not this one's.
rm -f "$results/$environment.json" "$results/$environment.xml"
status=0
# shellcheck disable=SC2086 # words and patterns
nestbed $machine run $guests $arguments \
    --output "$results/$environment.json" --output "$results/$environment.xml" || status=$?

{
    echo "environment=$environment"
    echo "json=$results/$environment.json"
    echo "junit=$results/$environment.xml"
} >>"$GITHUB_OUTPUT"
if [ -f "$results/$environment.json" ]; then
    # shellcheck disable=SC2016 # Markdown
    {
        echo '```'
        # No commands to the runner, which reads its log and not this.
        (unset GITHUB_ACTIONS && nestbed matrix "$results/$environment.json") || true
        echo '```'
    } >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
