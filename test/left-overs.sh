# shellcheck shell=bash
# What a run of the tests has left behind. Sourced, never run.

# Containers, networks, volumes and images of the stacks that tests start. A stack of yours has another name.
test_stacks() {
  have_engine || return 0
  {
    docker ps --all --filter name=sessions-test --format 'container {{.Names}}'
    docker network ls --filter name=sessions-test --format 'network {{.Name}}'
    docker volume ls --filter name=sessions-test --format 'volume {{.Name}}'
    docker images --filter reference='sessions-test*' --format 'image {{.Repository}}:{{.Tag}}'
    # Also those that have lost their name to another build.
    docker images --filter dangling=true --quiet |
      xargs -r docker inspect --format 'image {{.Id}} of {{index .Config.Labels "com.docker.compose.project"}}' | grep ' of sessions-test' || true
  } | sort
}

# Processes that have this folder for their temporary files, by their environment, or that work in it: Redis overwrites its
# environment. Where there is no /proc, none is found.
processes_using() {
  local process
  for process in /proc/[0-9]*; do
    if [[ "$(readlink "$process/cwd" 2>/dev/null)" == "$1"* ]] || grep -qas "TMPDIR=$1" "$process/environ"; then
      say "process ${process#/proc/} $(tr '\0' ' ' 2>/dev/null < "$process/cmdline")"
    fi
  done
}

# nothing_left FOLDER STACKS: whether the folder of temporary files is empty, no process uses it, and there are no more
# test stacks than before. Prints what is left.
nothing_left() {
  local left
  left=$(
    find "$1" -mindepth 1 -maxdepth 1 | sed 's/^/file /'
    processes_using "$1"
    comm -13 <(say "$2") <(test_stacks)
  )
  [ -z "$left" ] || say "$left"
  [ -z "$left" ]
}
