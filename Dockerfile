# Redis with Simile loaded. `docker compose up` builds and runs it; see docker-compose.yml.

FROM rust:1-bookworm AS build
# The build reads Redis's module header by libclang.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libclang-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /simile
COPY . .
RUN cargo build --release --locked --lib \
    && strip target/release/libsimile.so

# The same Debian as above: the module links with its C library.
FROM redis:8.2-bookworm
COPY --from=build /simile/target/release/libsimile.so /usr/local/lib/simile/
COPY docker/redis.conf /usr/local/etc/redis/redis.conf
# The image's own user, who owns /data.
USER redis
EXPOSE 6379
CMD ["redis-server", "/usr/local/etc/redis/redis.conf"]
