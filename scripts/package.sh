#!/usr/bin/env bash
# Packages the module that `cargo build --release` made, in target/packages:
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
module=${CARGO_TARGET_DIR:-target}/release/libsimile.so
[[ -f $module ]] || fail "$module does not exist; build it with: make build"
mkdir -p "$packages"
strip --strip-unneeded -o "$packages/simile.so" "$module"

# The same files give the same archive: sorted, with owner 0 and the time of the commit.
dist() {
    local name
    name=simile-$version-linux-$(uname -m)
    rm -rf "${packages:?}/$name"
    mkdir "$packages/$name"
    install -m 755 "$packages/simile.so" "$packages/$name" # the server loads only an executable file
    install -m 644 packaging/redis.conf README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$packages/$name"
    (cd "$packages/$name" && sha256sum -- * >../SHA256SUMS && mv ../SHA256SUMS .)
    tar -C "$packages" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" \
        -czf "$packages/$name.tar.gz" "$name"
    rm -r "${packages:?}/$name"
    echo "$packages/$name.tar.gz"
}

deb() {
    scripts/install-cargo-tool.sh cargo-deb 3.8.0
    rm -f "$packages"/*.deb
    cat >"$packages/changelog" <<END
redis-simile ($version-1) unstable; urgency=medium

  * See /usr/share/doc/redis-simile/CHANGELOG.md for the changes.

 -- $(sed -n 's/^maintainer = "\(.*\)"$/\1/p' Cargo.toml)  $(git log -1 --format=%cD)
END
    target/tools/bin/cargo-deb --quiet --no-build --no-strip --output "$packages" >/dev/null
    echo "$packages"/*.deb
}

case ${1:-} in
dist | deb) "$1" ;;
*) fail "expected dist or deb, not ${1:-nothing}" ;;
esac
