# Redis with Simile loaded. `docker compose up` builds and runs it; see docker-compose.yml.

# Compiles the module and the tool, in one go. Only what is copied here makes it compile again: no line of docker/ does.
FROM rust:1-bookworm AS build
# The build reads Redis's module header with libclang.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libclang-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /simile
COPY Cargo.toml Cargo.lock ./
COPY benches benches
COPY cli cli
COPY eval eval
COPY examples examples
COPY src src
COPY testkit testkit
# Compiled dependencies stay in the cache, so that a change of the source compiles only this project. Cargo tells a
# change by the times of files, and those of another checkout may be older than the cache: touch makes them new.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/simile/target,sharing=locked \
    find Cargo.toml cli eval src testkit -type f -exec touch {} + \
    && cargo build --release --locked -p simile -p simile-cli \
    && mkdir /out \
    && strip --strip-unneeded -o /out/libsimile.so target/release/libsimile.so \
    && strip -o /out/simile target/release/simile

# The demo of docker compose --profile demo.
FROM debian:bookworm-slim AS demo
COPY --from=build /out/simile /usr/local/bin/
COPY docker/demo.sh docker/errors.jsonl /usr/local/share/simile/
USER nobody
CMD ["sh", "/usr/local/share/simile/demo.sh", "/usr/local/share/simile/errors.jsonl"]

# The same Debian as above, since the module and the tool are linked with its C library.
FROM redis:8.2-bookworm AS redis
COPY --from=build /out/libsimile.so /usr/local/lib/simile/
COPY --from=build /out/simile /usr/local/bin/
COPY docker/make-cluster.sh /usr/local/lib/simile/
COPY docker/redis.conf /usr/local/etc/redis/redis.conf
# The image's own user, which owns /data.
USER redis
EXPOSE 6379
CMD ["redis-server", "/usr/local/etc/redis/redis.conf"]
