# Redis with Simile loaded. `docker compose up` builds and runs it; see docker-compose.yml.

FROM rust:1-bookworm AS source
# The build reads Redis's module header with libclang.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libclang-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /simile
COPY . .

FROM source AS module
RUN cargo build --release --locked --lib \
    && strip target/release/libsimile.so

FROM source AS tool
RUN cargo build --release --locked -p simile-cli \
    && strip target/release/simile

# The demo of docker compose --profile demo.
FROM debian:bookworm-slim AS demo
COPY --from=tool /simile/target/release/simile /usr/local/bin/simile
COPY docker/demo.sh docker/errors.jsonl /usr/local/share/simile/
USER nobody
CMD ["sh", "/usr/local/share/simile/demo.sh", "/usr/local/share/simile/errors.jsonl"]

# The same Debian as above, since the module is linked with its C library.
FROM redis:8.2-bookworm AS redis
COPY --from=module /simile/target/release/libsimile.so /usr/local/lib/simile/
COPY docker/make-cluster.sh /usr/local/lib/simile/
COPY docker/redis.conf /usr/local/etc/redis/redis.conf
# The image's own user, which owns /data.
USER redis
EXPOSE 6379
CMD ["redis-server", "/usr/local/etc/redis/redis.conf"]
