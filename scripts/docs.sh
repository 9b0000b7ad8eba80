#!/usr/bin/env bash
# make docs: builds the documentation as a site, target/book/index.html. A warning is an error.
#
# The pages link to the source if its address is known: SOURCE_URL, or that of the remote from which this was cloned.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-cargo-tool.sh mdbook 0.5.4

# The page of the repository on the web, from the address that git fetches from; nothing if that is a directory.
web_address() {
    local remote
    remote=$(git remote get-url origin 2>/dev/null) || return 0
    sed -nE 's#^(https://|ssh://git@|git@)([^:/@]+)[:/](.+)$#https://\2/\3#p' <<<"$remote" | sed -E 's#(\.git)?/?$##'
}

source=${SOURCE_URL-$(web_address)}
if [[ -n $source ]]; then
    export SOURCE_URL=$source # scripts/link-sources.py links to the files that a page names
    export MDBOOK_OUTPUT__HTML__GIT_REPOSITORY_URL=$source
    export MDBOOK_OUTPUT__HTML__EDIT_URL_TEMPLATE=$source/blob/HEAD/{path}
fi
said=$(target/tools/bin/mdbook build 2>&1) || { printf '%s\n' "$said" >&2; exit 1; }
if grep -E 'WARN|ERROR' <<<"$said"; then exit 1; fi
echo "$PWD/target/book/index.html"
