# Runs a command in a mount namespace where directories that other users may not pass (a home of mode 0700) are
# replaced by empty ones that hold nothing but the paths the agent needs. Run by `unshare --mount` as root.
#
#   hide.sh HIDDEN_DIRECTORIES KEPT_DIRECTORIES COMMAND...
#
# Both lists are separated by colons; every kept directory lies below a hidden one.
main() {
  hidden=$1 kept=$2
  shift 2
  set -e
  stage=$(mktemp -d /tmp/eirel-stage.XXXXXX)
  mount -t tmpfs -o mode=0700,size=1m tmpfs "$stage"
  IFS=:
  index=0
  for path in $kept; do
    mkdir "$stage/$index"
    mount --bind "$path" "$stage/$index"
    index=$((index + 1))
  done
  for path in $hidden; do mount -t tmpfs -o mode=0755,size=1m tmpfs "$path"; done
  index=0
  for path in $kept; do
    mkdir -p "$path"
    mount --bind "$stage/$index" "$path"
    umount "$stage/$index"
    index=$((index + 1))
  done
  unset IFS
  umount "$stage"
  rmdir "$stage"
  exec "$@"
}

main "$@"
exit
