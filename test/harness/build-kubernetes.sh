#!/bin/sh
# Builds the Kubernetes that the tests run against, from source, into the cache that test/harness/kubernetes.ts looks
# in: the control plane, kwok, and kubelet with kube-proxy for a node that runs containers. Needs Go and a Go module
# proxy; takes about fifteen minutes on two cores the first time, so that the tests themselves never do it. What is
# there already is kept, and what Go has compiled before is not compiled again.
# usage: sh test/harness/build-kubernetes.sh [directory]
set -eu
version=1.34.4
staging=0.34.4
kwok=v0.8.0
out=${1:-.eirel/tools/k8s}
mkdir -p "$out" "$out-src"
out=$(cd "$out" && pwd)
src=$(cd "$out-src" && pwd)
cd "$src"
export GOFLAGS=-mod=mod CGO_ENABLED=0 GOMAXPROCS="${GOMAXPROCS:-1}"

if [ ! -f ready ]; then
  rm -f go.mod go.sum
  go mod download -json "k8s.io/kubernetes@v$version" > download.json
  module=$(sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p' download.json)
  # Replace directives of a dependency are ignored by Go, so the wrapper module repeats them with released versions.
  {
    echo "module wrapper"
    echo "go 1.24.0"
    echo "godebug default=go1.24"
    echo "require k8s.io/kubernetes v$version"
    sed -n '/^require (/,/^)/p' "$module/go.mod" | sed -E "s|(k8s.io/[a-z-]+) v0\.0\.0( .*)?$|\1 v$staging\2|"
    sed -n "s|^[[:space:]]*\(k8s.io/[a-z-]*\) => ./staging.*|replace \1 => \1 v$staging|p" "$module/go.mod"
  } > go.mod
  cp "$module/go.sum" go.sum
  chmod u+w go.sum
  touch ready
fi
for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy; do
  [ -x "$out/$name" ] && continue
  echo "$(date +%T) building $name"
  go build -p "$GOMAXPROCS" -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$version" \
    -o "$out/.$name" "k8s.io/kubernetes/cmd/$name"
  mv "$out/.$name" "$out/$name"
done
if [ ! -x "$out/pause" ]; then
  # What holds a pod's namespaces; its image is made from this program where no registry can be asked.
  printf 'package main\n\nimport (\n\t"os"\n\t"os/signal"\n\t"syscall"\n)\n\nfunc main() {\n\tend := make(chan os.Signal, 1)\n\tsignal.Notify(end, syscall.SIGINT, syscall.SIGTERM)\n\t<-end\n}\n' > pause.go
  go build -trimpath -ldflags "-s -w" -o "$out/.pause" pause.go
  mv "$out/.pause" "$out/pause"
fi
if [ ! -x "$out/kwok" ]; then
  echo "$(date +%T) building kwok"
  GOBIN="$out" go install -p "$GOMAXPROCS" "sigs.k8s.io/kwok/cmd/kwok@$kwok"
fi
if [ ! -f "$out/stages.yaml" ]; then
  kwok_module=$(cd / && GOFLAGS= go mod download -json "sigs.k8s.io/kwok@$kwok" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
  : > "$out/.stages.yaml"
  for stage in "$kwok_module"/kustomize/stage/node/fast/*.yaml "$kwok_module"/kustomize/stage/node/heartbeat/*.yaml \
    "$kwok_module"/kustomize/stage/pod/fast/*.yaml; do
    case $stage in */kustomization.yaml) continue ;; esac
    printf -- '---\n' >> "$out/.stages.yaml"
    cat "$stage" >> "$out/.stages.yaml"
  done
  mv "$out/.stages.yaml" "$out/stages.yaml"
fi
echo "$(date +%T) done: $(ls "$out" | tr '\n' ' ')"
