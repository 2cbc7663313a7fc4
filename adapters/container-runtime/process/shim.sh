# Supervises one agent: starts it, waits for it, writes down how it ended. It belongs to no worker, so an agent
# and the record of its end outlive the worker that started it.
#
#   shim.sh RUN_DIRECTORY STATE_FILE INSTANCE CGROUP_DIRECTORIES COMMAND...
#
# CGROUP_DIRECTORIES is a colon-separated list, possibly empty. Standard output is the agent's log.
# The work is in functions, so that replacing this file does not disturb a shim that runs.

# Prints field 22 of a stat line whose name field is already cut off: the start time in clock ticks.
start_ticks() {
  shift 19
  echo "$1"
}

main() {
  run=$1 state=$2 instance=$3 groups=$4
  shift 4
  # Signals that stop the agent come to the whole process group; the shim stays to see the end.
  trap : TERM INT HUP

  # A shim that was delayed past its worker's patience finds that another instance took its place.
  grep -q "\"$instance\"" "$state" || exit 75
  read -r stat <"/proc/$$/stat"
  # shellcheck disable=SC2086
  echo "$$ $(start_ticks ${stat##*) })" >"$run/$instance.pid.new" || exit 74
  mv "$run/$instance.pid.new" "$run/$instance.pid" || exit 74

  (
    IFS=:
    for group in $groups; do echo 0 >"$group/cgroup.procs"; done
    unset IFS
    # When the machine runs out of memory, agents go before the services.
    echo 500 >/proc/self/oom_score_adj
    exec "$@"
  ) &
  agent=$!
  # From here on the shell itself would only add its own words on how the agent ended.
  exec 2>/dev/null
  while :; do
    wait "$agent"
    code=$?
    kill -0 "$agent" || break
  done
  echo "$code" >"$run/$instance.exit.new" && mv "$run/$instance.exit.new" "$run/$instance.exit"
}

main "$@"
exit
