#!/bin/sh
# One Kubernetes node that runs containers: containerd, kubelet and kube-proxy in network, mount and process namespaces
# of their own, so that ending the first process ends everything, and nothing of it stays on the machine.
# usage: kubernetes-node.sh PARENT DIRECTORY NUMBER PROGRAMS CNI REGISTRY; DIRECTORY holds kubeconfig.yaml and pause.tar. PARENT is the
# process whose end ends the node; NUMBER makes names and addresses unique; PROGRAMS and CNI are directories.
set -u
parent=$1 directory=$2 number=$3 programs=$4 cni=$5 registry=$6
space=eirel-k8s-$number
host=10.216.$number.1
self=10.216.$number.2

if [ "${EIREL_NODE_INSIDE:-}" = yes ]; then
  set -e
  mount --make-rshared /
  # What kubelet would set is the machine's, not the node's: it finds what it wants and leaves it.
  mkdir -p "$directory/sysctl"
  for pair in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    file="$directory/sysctl/$(echo "${pair%=*}" | tr / -)"
    echo "${pair#*=}" > "$file"
    mount --bind "$file" "/proc/sys/${pair%=*}"
  done
  ip link set lo up
  ip link set "$space-n" name eth0
  ip address add "$self/24" dev eth0
  ip link set eth0 up
  ip route add default via "$host"
  sysctl -qw net.ipv4.ip_forward=1
  mkdir -p "$directory/cni" "$directory/registry/$registry"
  cat > "$directory/cni/10-bridge.conf" <<CNI
{"cniVersion": "0.4.0", "name": "pods", "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
 "hairpinMode": true, "ipam": {"type": "host-local", "dataDir": "$directory/ipam",
 "ranges": [[{"subnet": "10.218.$number.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}
CNI
  cat > "$directory/registry/$registry/hosts.toml" <<REGISTRY
server = "http://$registry"
[host."http://$registry"]
capabilities = ["pull", "resolve"]
REGISTRY
  cat > "$directory/containerd.toml" <<CONTAINERD
version = 2
root = "$directory/containerd"
state = "$directory/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "$directory/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "eirel.test/pause:1"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "$cni"
conf_dir = "$directory/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "$directory/registry"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
CONTAINERD
  cat > "$directory/kubelet.yaml" <<KUBELET
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://$directory/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$space
enforceNodeAllocatable: []
failSwapOn: false
failCgroupV1: false
featureGates: {KubeletInUserNamespace: true}
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
address: $self
resolvConf: $directory/resolv.conf
podPidsLimit: 512
evictionHard: {memory.available: "0%", nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%"}
imageGCHighThresholdPercent: 100
volumePluginDir: $directory/plugins
podLogsDir: $directory/logs
nodeStatusUpdateFrequency: 5s
nodeStatusReportFrequency: 30s
KUBELET
  echo "nameserver 127.0.0.1" > "$directory/resolv.conf"
  containerd --config "$directory/containerd.toml" > "$directory/containerd.log" 2>&1 &
  for attempt in $(seq 100); do
    ctr --address "$directory/containerd.sock" version > /dev/null 2>&1 && break
    sleep 0.1
  done
  ctr --address "$directory/containerd.sock" --namespace k8s.io images import "$directory/pause.tar" > "$directory/import.log" 2>&1
  "$programs/kubelet" --config="$directory/kubelet.yaml" --kubeconfig="$directory/kubeconfig.yaml" \
    --root-dir="$directory/kubelet" --cert-dir="$directory/kubelet-certs" --hostname-override=runs --node-ip="$self" \
    --node-labels=eirel.dev/runtime-pool=true,eirel.dev/runtime-class=runs --v=2 > "$directory/kubelet.log" 2>&1 &
  "$programs/kube-proxy" --kubeconfig="$directory/kubeconfig.yaml" --hostname-override=runs --proxy-mode=iptables \
    --cluster-cidr="10.218.$number.0/24" --conntrack-max-per-core=0 --iptables-sync-period=2s --iptables-min-sync-period=100ms \
    > "$directory/kube-proxy.log" 2>&1 &
  wait
  exit 0
fi

controllers() { for place in /sys/fs/cgroup/*/; do printf '%s ' "$place$space"; done; }
clean() {
  kill -KILL "$child" 2> /dev/null
  wait "$child" 2> /dev/null
  ip link delete "$space-h" 2> /dev/null
  ip netns delete "$space" 2> /dev/null
  for place in $(controllers); do
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
      find "$place" -depth -type d -exec rmdir {} + 2> /dev/null
      [ -d "$place" ] || break
      sleep 0.2
    done
  done
  rm -rf "$directory"
}
child=0 stop=
trap 'stop=yes' TERM INT
for place in $(controllers); do mkdir -p "$place" 2> /dev/null; done
# A group of processors that was not filled takes nobody.
for place in /sys/fs/cgroup/cpuset; do
  [ -f "$place/cpuset.cpus" ] || continue
  cat "$place/cpuset.cpus" > "$place/$space/cpuset.cpus"
  cat "$place/cpuset.mems" > "$place/$space/cpuset.mems"
done
EIREL_NODE_INSIDE=yes nsenter "--net=/run/netns/$space" unshare --mount --pid --fork --kill-child --mount-proc \
  sh "$0" "$@" > "$directory/node.log" 2>&1 &
child=$!
while [ -z "$stop" ] && kill -0 "$parent" 2> /dev/null && kill -0 "$child" 2> /dev/null; do sleep 0.3; done
clean
