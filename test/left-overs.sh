# shellcheck shell=bash
# Finds what a test run has left behind. Sourced, never run.

# Containers, networks, volumes and images of the test stacks. Other stacks have other names.
test_stacks() {
  have_engine || return 0
  {
    docker ps --all --filter name=sessions-test --format 'container {{.Names}}'
    docker network ls --filter name=sessions-test --format 'network {{.Name}}'
    docker volume ls --filter name=sessions-test --format 'volume {{.Name}}'
    docker images --filter reference='sessions-test*' --format 'image {{.Repository}}:{{.Tag}}'
    # Includes images that lost their name to a later build.
    docker images --filter dangling=true --quiet |
      xargs -r docker inspect --format 'image {{.Id}} of {{index .Config.Labels "com.docker.compose.project"}}' | grep ' of sessions-test' || true
  } | sort
}

# Processes with this folder as TMPDIR or working directory. Redis overwrites its environment, so both are checked. Without
# /proc, none is found.
processes_using() {
  local process
  for process in /proc/[0-9]*; do
    if [[ "$(readlink "$process/cwd" 2>/dev/null)" == "$1"* ]] || grep -qas "TMPDIR=$1" "$process/environ"; then
      say "process ${process#/proc/} $(tr '\0' ' ' 2>/dev/null < "$process/cmdline")"
    fi
  done
}

# nothing_left FOLDER [STACKS]: succeeds if the temporary folder is empty, no process uses it, and there are no additional
# test stacks. Prints what is left.
nothing_left() {
  local left
  left=$(
    find "$1" -mindepth 1 -maxdepth 1 | sed 's/^/file /'
    processes_using "$1"
    if [ $# -gt 1 ]; then comm -13 <(say "$2") <(test_stacks); fi
  )
  [ -z "$left" ] || say "$left"
  [ -z "$left" ]
}

# remove_what_is_left FOLDER STACKS: ends the processes that use the folder and removes additional test stacks.
remove_what_is_left() {
  local kind name
  processes_using "$1" | while read -r _ name _; do kill -9 "$name" 2> /dev/null || true; done
  [ $# -gt 1 ] || return 0
  comm -13 <(say "$2") <(test_stacks) | while read -r kind name _; do
    case $kind in
      container) docker rm --force --volumes "$name" ;;
      network | volume) docker "$kind" rm --force "$name" ;;
      image) docker image rm --force "$name" ;;
    esac
  done > /dev/null 2>&1 || true
}
