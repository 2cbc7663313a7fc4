#!/bin/sh
# Builds a program that tests run against, from source, into the cache that they look in. Needs Go and a Go module
# proxy. What is there already is kept.
# usage: sh test/harness/build-tool.sh minio|docker-compose [directory]
set -eu
name=$1
out=${2:-.eirel/tools/$name}
case $name in
  minio) module=github.com/minio/minio version=v0.0.0-20260212201848-7aac2a2c5b7c package=$module ;;
  docker-compose) module=github.com/docker/compose/v2 version=v2.40.3 package=$module/cmd ;;
  *) echo "unknown tool $name: minio or docker-compose" >&2; exit 2 ;;
esac
mkdir -p "$out"
out=$(cd "$out" && pwd)
if [ ! -x "$out/$name" ]; then
  echo "$(date +%T) building $name"
  stage=$(mktemp -d)
  trap 'rm -rf "$stage"' EXIT
  cd "$stage"
  export GOFLAGS=-mod=mod CGO_ENABLED=0 GOMAXPROCS="${GOMAXPROCS:-1}"
  go mod download -json "$module@$version" > download.json
  source=$(sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p' download.json)
  # Its own requirements, exclusions included, which `go install` refuses to honour for a module that is not ours.
  sed 's/^module .*/module wrapper/' "$source/go.mod" > go.mod
  cp "$source/go.sum" go.sum
  chmod u+w go.mod go.sum
  go mod edit -require="$module@$version"
  go build -p "$GOMAXPROCS" -trimpath -ldflags '-s -w' -o "$out/.$name" "$package"
  mv "$out/.$name" "$out/$name"
fi
echo "$(date +%T) done: $out/$name"
