# The last step before the agent, already as the agent's user: takes its environment from a file, so that values
# show neither in a command line nor in the environment of anything that runs with more rights.
#
#   enter.sh ENVIRONMENT_FILE WORKING_DIRECTORY COMMAND...
main() {
  file=$1 directory=$2
  shift 2
  cd "$directory" || exit 126
  . "$file"
  /bin/rm -f "$file"
  exec "$@"
}

main "$@"
exit
