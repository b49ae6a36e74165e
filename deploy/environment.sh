# shellcheck shell=bash
# What the scripts take from the shell and from .env, and what they do not. Sourced by lib.sh, never run.

# A shell may carry settings that change what bash, grep, sort, printf or make do.
unset CDPATH GREP_OPTIONS POSIXLY_CORRECT BASH_ENV ENV NODE_ENV MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
set +o posix
export LC_ALL=C

# Compose takes its own settings from the shell too. The scripts decide them, except the name of the stack. See
# https://docs.docker.com/compose/how-tos/environment-variables/envvars/
for variable in "${!COMPOSE_@}"; do
  case $variable in COMPOSE_PROJECT_NAME | COMPOSE_DISABLE_ENV_FILE) ;; *) unset "$variable" ;; esac
done

# Every variable that can be set in .env: all that the README documents.
SETTINGS='COMPOSE_PROJECT_NAME PORT HTTPS_PORT TLS BIND PUBLIC_HOST TRUSTED_PROXIES LISTEN_HOST NODE_NAME NODES LOG_LEVEL TRUST_PROXY_HOPS
DRAIN_SECONDS REDIS_URL REDIS_PASSWORD_FILE REDIS_DEADLINE_MS KEY_PREFIX SESSION_STORE SESSION_COOKIE SESSION_TTL_SECONDS
SESSION_ABSOLUTE_SECONDS SESSION_RENEW_SECONDS SESSION_ROTATE SESSION_ROTATE_GRACE SESSION_MAX SESSION_FRESH_SECONDS
SESSION_KEY SESSION_CACHE SESSION_SEAL_KEY_FILE LOGIN_FAILURES LOGIN_FAILURES_ADDRESS LOGIN_FAILURES_SECONDS LOGINS_PER_MINUTE
LOGINS_PER_MINUTE_ADDRESS LOGIN_HASHES DEMO_USERS MIN_PER_CELL LOAD_SECONDS LOAD_RATE LOAD_P95_MS'
SETTINGS=${SETTINGS//$'\n'/ }

# Takes the settings from a file of lines NAME=value, as far as the shell has not set them; the last line of a name counts.
# The file is read, not executed: `$` means nothing in it.
read_settings() {
  local line name value read=' '
  local assignment='^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=[[:space:]]*(.*)$'
  while IFS= read -r line || [ -n "$line" ]; do
    # What editors on Windows add.
    line=${line#$'\xef\xbb\xbf'} line=${line%$'\r'}
    [[ $line =~ $assignment ]] || continue
    name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
    [[ " $SETTINGS " == *" $name "* ]] || continue
    if [ -n "${!name+set}" ] && [[ $read != *" $name "* ]]; then continue; fi
    case $value in
      \'*) value=${value#\'} value=${value%%\'*} ;;
      \"*) value=${value#\"} value=${value%%\"*} ;;
      \#*) value= ;;
      *) value=${value%%[[:space:]]\#*} value=${value%"${value##*[![:space:]]}"} ;;
    esac
    export "$name=$value"
    read="$read$name "
  done < "$1"
}

# Read once, by the first script; Compose and the scripts that it calls get the result in their environment.
case ${COMPOSE_DISABLE_ENV_FILE:-} in
  '' | 0 | false) if [ -f .env ]; then read_settings .env; fi ;;
esac
export COMPOSE_DISABLE_ENV_FILE=1

PORT=${PORT:-8080}
HTTPS_PORT=${HTTPS_PORT:-8443}
case ${TLS:-} in
  '' | 0 | off | no | false) export TLS= ;;
  1 | on | yes | true) export TLS=1 ;;
  *) die "TLS=$TLS: on or off? For https: make up TLS=1" ;;
esac
case ${SESSION_CACHE:-} in
  '' | on | off) ;;
  # Compose makes a file name of it.
  *) die "SESSION_CACHE=$SESSION_CACHE: on or off?" ;;
esac
use_compose_files() { export COMPOSE_FILE=docker-compose.yml${TLS:+:deploy/compose.tls.yml} COMPOSE_PATH_SEPARATOR=:; }
use_compose_files

# Brackets belong to a URL, not to an address.
BIND=${BIND:-127.0.0.1}
BIND=${BIND#[} BIND=${BIND%]}
address='^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*)$'
[[ $BIND =~ $address ]] || die "BIND=$BIND is not an IP address. Write BIND=127.0.0.1, BIND=::1 or BIND=0.0.0.0"
export BIND
# By the script that nginx runs at start, which would refuse it too.
if [ -n "${TRUSTED_PROXIES:-}" ]; then TRUSTED_PROXIES=$TRUSTED_PROXIES sh nginx/trusted-proxies.sh --check || exit 1; fi
# nginx serves the address that it is published on.
case $BIND in
  127.0.0.1 | ::1 | 0.0.0.0 | ::) ;;
  *:*) export PUBLIC_HOST=${PUBLIC_HOST:-[$BIND]} ;;
  *) export PUBLIC_HOST=${PUBLIC_HOST:-$BIND} ;;
esac

# A proxy leads away from this machine: its own addresses and the names of the stack are never asked through one.
NO_PROXY=${NO_PROXY:-${no_proxy:-}}
for host in localhost 127.0.0.1 ::1 nginx "$BIND" ${PUBLIC_HOST:+"$PUBLIC_HOST"}; do
  [[ ,$NO_PROXY, == ',*,' || ,$NO_PROXY, == *",$host,"* ]] || NO_PROXY=${NO_PROXY:+$NO_PROXY,}$host
done
export NO_PROXY no_proxy=$NO_PROXY
