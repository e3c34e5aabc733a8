#!/bin/sh
# make_documents.sh NESTBED FOLDER: what the program says of itself, as files to be installed below
# FOLDER/man and FOLDER/completions, made anew.
set -eu
nestbed=$1
folder=$2

rm -rf "$folder/man" "$folder/completions"
mkdir -p "$folder/man" "$folder/completions"
"$nestbed" manual "$folder/man"
gzip -9n "$folder"/man/*.1
"$nestbed" completion bash >"$folder/completions/nestbed"
"$nestbed" completion zsh >"$folder/completions/_nestbed"
"$nestbed" completion fish >"$folder/completions/nestbed.fish"
