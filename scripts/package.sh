#!/usr/bin/env bash
# Packages the module and the tool that `make build cli` made, in target/packages:
#
#     scripts/package.sh dist    simile-VERSION-linux-ARCH.tar.gz, to be unpacked anywhere
#     scripts/package.sh deb     redis-simile_VERSION_ARCH.deb, for Debian and Ubuntu
#
# Prints the path of the package.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=target/packages

fail() {
    printf 'package: %s\n' "$*" >&2
    exit 1
}

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
built=${CARGO_TARGET_DIR:-target}/release
[[ -f $built/libsimile.so ]] || fail "$built/libsimile.so does not exist; build it with: make build"
[[ -f $built/simile ]] || fail "$built/simile does not exist; build it with: make cli"

# What both packages hold, below target/packages: the module, the tool, and what the tool says about itself.
collect_files() {
    local share=$packages/share
    rm -rf "$share"
    mkdir -p "$share"/{man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
    strip --strip-unneeded -o "$packages/simile.so" "$built/libsimile.so"
    strip --strip-unneeded -o "$packages/simile" "$built/simile"
    "$packages/simile" man "$share/man/man1"
    "$packages/simile" completions bash >"$share/bash-completion/completions/simile"
    "$packages/simile" completions zsh >"$share/zsh/site-functions/_simile"
    "$packages/simile" completions fish >"$share/fish/vendor_completions.d/simile.fish"
}

# The same files give the same archive: sorted, with owner 0 and the time of the commit.
dist() {
    local name
    name=simile-$version-linux-$(uname -m)
    rm -rf "${packages:?}/$name"
    mkdir -p "$packages/$name/bin"
    install -m 755 "$packages/simile.so" "$packages/$name" # the server loads only an executable file
    install -m 755 "$packages/simile" "$packages/$name/bin"
    cp -R "$packages/share" "$packages/$name"
    install -m 644 packaging/redis.conf packaging/README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$packages/$name"
    (cd "$packages/$name" && find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum -- >../SHA256SUMS)
    mv "$packages/SHA256SUMS" "$packages/$name"
    tar -C "$packages" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" \
        --mode=u=rwX,go=rX -czf "$packages/$name.tar.gz" "$name"
    rm -r "${packages:?}/$name"
    echo "$packages/$name.tar.gz"
}

# The maintainer is whoever builds the package, if they say so in the variables that Debian's own tools read. Otherwise
# it is the name in Cargo.toml, without an address.
deb() {
    scripts/install-cargo-tool.sh cargo-deb 3.8.0
    rm -f "$packages"/*.deb
    local maintainer=()
    [[ -z ${DEBEMAIL:-} ]] || maintainer=(--maintainer "${DEBFULLNAME:-$DEBEMAIL} <$DEBEMAIL>")
    target/tools/bin/cargo-deb --quiet --no-build --no-strip "${maintainer[@]}" --output "$packages" >/dev/null
    echo "$packages"/*.deb
}

case ${1:-} in
dist | deb)
    collect_files
    "$1"
    ;;
*) fail "expected dist or deb, not ${1:-nothing}" ;;
esac
