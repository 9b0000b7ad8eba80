#!/usr/bin/env bash
# Makes the images that the Dockerfile builds on, unless they are there: from packages and from what this machine has,
# since a test does not depend on an image registry. Needs podman, mmdebstrap and Debian 12 with Rust.
#
#     tests/containers/base-images.sh debian|rust|redis ...
#
# The first is what the others build on.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d "${TMPDIR:-/var/tmp}/simile-base-images.XXXXXX")
trap 'rm -rf "$work"' EXIT

make_debian() {
    mmdebstrap --quiet --variant=minbase bookworm "$work/debian.tar"
    podman import --quiet "$work/debian.tar" localhost/debian:bookworm-slim
}

# Rust is the one of this machine, and so are the certificates that cargo trusts.
make_rust() {
    mkdir "$work/rust"
    cp -a "$(rustc --print sysroot)" "$work/rust/toolchain"
    rm -rf "$work"/rust/toolchain/share/{doc,man}
    cp /etc/ssl/certs/ca-certificates.crt "$work/rust"
    cat >"$work/rust/Dockerfile" <<'END'
FROM localhost/debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils ca-certificates gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY toolchain /usr/local/rust
ENV PATH=/usr/local/rust/bin:$PATH CARGO_HOME=/usr/local/cargo
END
    podman build --quiet --tag localhost/rust:1-bookworm "$work/rust"
}

# What of the official image matters to a container that never runs as root: the user, who owns /data, the programs, and
# an entrypoint that makes new files private and starts the command.
make_redis() {
    mkdir "$work/redis"
    install -m 755 target/servers/redis-8.2/redis-server "$work/redis/redis-server"
    printf '#!/bin/sh\numask 0077\nexec "$@"\n' >"$work/redis/docker-entrypoint.sh"
    chmod 755 "$work/redis/docker-entrypoint.sh"
    cat >"$work/redis/Dockerfile" <<'END'
FROM localhost/debian:bookworm-slim
RUN groupadd -r -g 999 redis && useradd -r -g redis -u 999 redis
RUN apt-get update \
    && apt-get install -y --no-install-recommends libstdc++6 redis-tools \
    && rm -rf /var/lib/apt/lists/*
COPY redis-server docker-entrypoint.sh /usr/local/bin/
RUN mkdir /data && chown redis:redis /data
VOLUME /data
WORKDIR /data
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
END
    podman build --quiet --tag localhost/redis:8.2-bookworm "$work/redis"
}

for image in "$@"; do
    case $image in
    debian) podman image exists localhost/debian:bookworm-slim || make_debian ;;
    rust) podman image exists localhost/rust:1-bookworm || make_rust ;;
    redis) podman image exists localhost/redis:8.2-bookworm || make_redis ;;
    *) echo "base-images: there is debian, rust and redis, not $image" >&2 && exit 1 ;;
    esac
done
