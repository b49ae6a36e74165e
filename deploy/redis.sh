# shellcheck shell=bash
# Redis for the scripts here, as the administrator. Sourced by lib.sh. redis-cli exits with 0 also when Redis refuses a
# command, so a script that only looks at its status reports as done what was not done. `redis_cli` looks at the reply.

# A Redis that is stopped accepts connections and never replies.
REDIS_PATIENCE_SECONDS=10

# The variables that deploy/local was started with, and on which the commands of an administrator depend.
LOCAL_SETTINGS='REDIS_URL REDIS_PASSWORD_FILE KEY_PREFIX SESSION_KEY SESSION_SEAL_KEY_FILE SESSION_STORE'

# Saves them for the commands that come later, from another shell. The file can hold a password.
save_local_settings() {
  local name
  (umask 077 && : > "$LOCAL/settings")
  for name in $LOCAL_SETTINGS; do
    [ -z "${!name:-}" ] || printf 'export %s=%q\n' "$name" "${!name}" >> "$LOCAL/settings"
  done
}

load_local_settings() {
  # shellcheck disable=SC2086 # names
  unset $LOCAL_SETTINGS
  # shellcheck source=/dev/null
  [ ! -e "$LOCAL/settings" ] || source "$LOCAL/settings"
  if [ -z "${REDIS_URL:-}" ]; then
    # The Redis that was found or started: every line of the log with this field names the same one.
    REDIS_URL=$(sed -n 's/.*"redis":"\([^"]*\)".*/\1/p' "$LOCAL/log" | tail -n 1)
    [ -n "$REDIS_URL" ] || die "The address of Redis is not in $LOCAL/log. Run: make down && make up"
    export REDIS_URL="redis://${REDIS_URL#redis://}"
  fi
}

# The prefix of every key, as the nodes that run have it.
key_prefix() {
  # shellcheck disable=SC2016 # of the shell in the pod
  if on_kubernetes; then k8s_in_node sh -c 'echo "${KEY_PREFIX:-}"'
  elif runs_locally; then (load_local_settings && say "${KEY_PREFIX:-}")
  else
    local node
    node=$(compose ps --quiet app) &&
      docker inspect --format '{{ range .Config.Env }}{{ println . }}{{ end }}' "${node%%$'\n'*}" | sed -n 's/^KEY_PREFIX=//p'
  fi
}

# The services of the stack that run and have a name like this, by an extended regular expression. A paused one does not run.
running_services() { compose ps --services --status running | grep -xE "$1" || true; }

# Plain redis-cli in the stack, at the primary: for people, and for the function below. Passwords go by the environment, not by the
# arguments. REDIS_SERVICE names another Redis than the primary.
redis_program() {
  if on_kubernetes; then k8s_redis_program "$@"
  elif runs_locally; then local_redis_program "$@"
  else
    local terminal=--no-TTY service=${REDIS_SERVICE:-} program=(redis-cli)
    [ -t 0 ] && [ -t 1 ] && terminal=
    [ -s .secrets/redis-admin-password ] ||
      die 'NOAUTH .secrets/redis-admin-password is missing. Redis keeps its old passwords until: make down && make up'
    if [ -z "$service" ]; then
      case $REDIS_KIND in
        # A sentinel knows the primary, and other services if no sentinel runs.
        sentinel) program=(sh /replication/cli) service=$(running_services '(redis|sentinel)-.' | sort -r | sed -n 1p) ;;
        # Goes to the primary of the key by itself.
        cluster) program=(redis-cli -c) service=$(running_services 'redis-.' | sed -n 1p) ;;
      esac
    fi
    # shellcheck disable=SC2086 # empty means: leave it out
    REDISCLI_AUTH=$(cat .secrets/redis-admin-password) \
      docker compose exec $terminal -e REDISCLI_AUTH "${service:-redis}" ${redis_limit:-} "${program[@]}" --user admin "$@"
  fi
}

# Calls a function for each primary, with the options of redis-cli that select it: none, unless there are several.
for_each_primary() {
  local address addresses
  # Finds out the kind of Redis there.
  on_kubernetes || true
  if [ "$REDIS_KIND" != cluster ] || { ! on_kubernetes && runs_locally; }; then "$@"; return; fi
  addresses=$(cluster_primaries)
  for address in $addresses; do "$@" -h "$address"; done
}

# The addresses of the primaries that have keys.
cluster_primaries() {
  local nodes
  nodes=$(redis_command CLUSTER NODES < /dev/null) || return
  awk '$3 ~ /master/ && $3 !~ /fail|noaddr|handshake/ && NF > 8 { sub(/:.*/, "", $2); print $2 }' <<< "$nodes" | sort -V
}

local_redis_program() {
  local parts user client=redis-cli limit=${redis_limit:-}
  have redis-cli || client=valkey-cli
  have $client || die 'redis-cli or valkey-cli is needed for a Redis outside Docker. Install one of them.'
  # macOS has no timeout.
  [ -z "$limit" ] || have timeout || limit="perl -e alarm(shift);exec(@ARGV) $REDIS_PATIENCE_SECONDS"
  (
    load_local_settings
    # Address, user name and password, a line each.
    # shellcheck disable=SC2016 # it is JavaScript
    parts=$(node -e 'const url = new URL(process.env.REDIS_URL)
      const secrets = [url.username, url.password].map(decodeURIComponent)
      url.username = url.password = ""
      console.log([url.href, ...secrets].join("\n"))')
    user=$(sed -n 2p <<< "$parts")
    password=$(sed -n 3p <<< "$parts")
    if [ -n "${REDIS_PASSWORD_FILE:-}" ]; then password=$(cat "$REDIS_PASSWORD_FILE"); fi
    [ -z "$password" ] || export REDISCLI_AUTH=$password
    exec $limit $client -u "$(sed -n 1p <<< "$parts")" ${user:+--user "$user"} "$@"
  )
}

# Whether redis-cli has -e (since 7.0): exit with 1 when Redis replies with an error. The one in the container has.
redis_program_is_strict() {
  runs_locally || return 0
  local client=redis-cli
  have redis-cli || client=valkey-cli
  $client -e --version > /dev/null 2>&1
}

# A command to Redis, for scripts; without one, the commands on standard input. Prints the replies as they are (--raw). If there
# is none, or one is an error, prints one line about that on stderr and returns 1.
redis_cli() {
  require_stack
  redis_command "$@"
}

# The same where the nodes need not run.
redis_command() {
  local reply error status=0 redis_limit="timeout $REDIS_PATIENCE_SECONDS"
  [ "${1:-}" != --raw ] || shift
  # Without a password redis-cli sends the command at once. A paused Redis would execute it later, although this function has
  # reported that it was not done. So PING has to be answered first. With a password AUTH has the same effect.
  if runs_locally; then redis_program PING > /dev/null 2>&1 < /dev/null || status=$?; fi
  case $status in
    124 | 142) explain_redis_error '' "$status" >&2; return 1 ;;
    *) status=0 ;;
  esac
  if [ $# -gt 0 ] && redis_program_is_strict; then
    { error=$(redis_program -e --raw "$@" 2>&1 >&3) || status=$?; } 3>&1
  else
    # redis-cli has no -e, or does not heed it for commands on standard input. In this format strings are quoted, so what is
    # looked for here is never data.
    reply=$(redis_program --no-raw "$@" 2>&1) || status=$?
    error=$(sed -n 's/^\( *[0-9]*) \)*(error) //p; /^AUTH failed/p; /^Could not connect/p; /^Error: /p' <<< "$reply")
    if [ -n "$error" ]; then status=1
    elif [ "$status" = 0 ]; then unquote_reply <<< "$reply"
    else error=$reply
    fi
  fi
  # redis-cli goes on without a password that was refused.
  case $error in 'AUTH failed'*) status=1 ;; esac
  if [ "$status" = 0 ]; then
    [ -z "$error" ] || say "$error" >&2
    return
  fi
  explain_redis_error "$error" "$status" >&2
  return 1
}

# From the format of --no-raw to that of --raw, for a redis-cli that reports errors only in the former.
unquote_reply() {
  local line
  sed -e 's/^\( *[0-9]*) \)*//' -e 's/^(integer) //' -e 's/^(nil)$//' -e 's/^(empty [a-z]*)$//' \
    -e 's/\\\\/\\x5c/g' -e 's/\\"/\\x22/g' -e 's/^"\(.*\)"$/\1/' |
    while IFS= read -r line; do printf '%b\n' "$line"; done
}

# One line: what is the matter, and what to do.
explain_redis_error() {
  local code last=${1##*$'\n'}
  code=$(grep -oE 'WRONGPASS|NOAUTH|OOM|READONLY|LOADING|MISCONF' <<< "$1" | head -n 1) || true
  case ${code:-$2} in
    WRONGPASS | NOAUTH)
      if runs_locally; then say "Redis refused the password ($code). Set REDISCLI_AUTH to the one that it has"
      else say "Redis refused the administrator's password ($code): it is not the one in .secrets. Run: make down && make up"
      fi
      ;;
    OOM) say 'Redis is full (OOM). Look at what fills it: make redis-cli, then INFO memory' ;;
    READONLY) say 'Redis is read-only (READONLY): it is a replica. To make it a primary: make redis-cli, then REPLICAOF NO ONE' ;;
    LOADING) say 'Redis still loads its data (LOADING). Try again in a moment' ;;
    MISCONF) say 'Redis cannot write to its disk (MISCONF). See: make logs' ;;
    # Of timeout, and of a client that SIGALRM has ended.
    124 | 142) say "Redis did not reply within $REDIS_PATIENCE_SECONDS seconds. See: make ps" ;;
    *)
      case $1 in
        *'Could not connect'* | *'not running'* | *paused* | *'closed the connection'* | *'Connection re'*)
          say "Redis cannot be reached: $last. See: make ps"
          ;;
        # Not an error of Redis: what a script here has found.
        [A-Z][a-z]* | redis-cli*) say "$last" ;;
        *) say "Redis replied: ${last:-nothing, with status $2}" ;;
      esac
      ;;
  esac
}
