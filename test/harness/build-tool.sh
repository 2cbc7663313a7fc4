#!/bin/sh
# Builds a program that tests run against, from source, into the cache that they look in. Needs Go and a Go module
# proxy. What is there already is kept.
# usage: sh test/harness/build-tool.sh minio|docker-compose [directory]
set -eu
name=$1
out=${2:-.eirel/tools/$name}
case $name in
  minio) package=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c program=minio ;;
  docker-compose) package=github.com/docker/compose/v2/cmd@v2.40.3 program=cmd ;;
  *) echo "unknown tool $name: minio or docker-compose" >&2; exit 2 ;;
esac
mkdir -p "$out"
out=$(cd "$out" && pwd)
if [ ! -x "$out/$name" ]; then
  echo "$(date +%T) building $name"
  stage=$(mktemp -d)
  trap 'rm -rf "$stage"' EXIT
  # Outside this checkout, so that no go.mod of anybody's is meant.
  cd /
  GOBIN="$stage" CGO_ENABLED=0 GOMAXPROCS="${GOMAXPROCS:-1}" go install -p 1 -trimpath -ldflags '-s -w' "$package"
  mv "$stage/$program" "$out/$name"
fi
echo "$(date +%T) done: $out/$name"
