# shellcheck shell=bash
# The settings that the scripts read from the shell and from .env. Sourced by lib.sh, never run.

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
SETTINGS='COMPOSE_PROJECT_NAME REDIS REDIS_NETWORK PORT HTTPS_PORT TLS BIND PUBLIC_HOST TRUSTED_PROXIES LISTEN_HOST NODE_NAME NODES LOG_LEVEL TRUST_PROXY_HOPS
DRAIN_SECONDS REDIS_URL REDIS_SENTINELS REDIS_PRIMARY REDIS_CLUSTER REDIS_USERNAME REDIS_PASSWORD REDIS_PASSWORD_FILE
REDIS_SENTINEL_USERNAME REDIS_SENTINEL_PASSWORD REDIS_SENTINEL_PASSWORD_FILE REDIS_TLS REDIS_CA_FILE REDIS_DEADLINE_MS REDIS_WAIT_SECONDS SESSION_REPLICAS
KEY_PREFIX SESSION_STORE SESSION_COOKIE SESSION_TTL_SECONDS
SESSION_ABSOLUTE_SECONDS SESSION_RENEW_SECONDS SESSION_ROTATE SESSION_ROTATE_GRACE SESSION_MAX SESSION_FRESH_SECONDS
SESSION_KEY SESSION_CACHE SESSION_SEAL_KEY_FILE LOGIN_FAILURES LOGIN_FAILURES_ADDRESS LOGIN_FAILURES_SECONDS LOGINS_PER_MINUTE
LOGINS_PER_MINUTE_ADDRESS LOGIN_HASHES DEMO_USERS MIN_PER_CELL LOAD_SECONDS LOAD_RATE LOAD_P95_MS'
SETTINGS=${SETTINGS//$'\n'/ }
# Those that Compose and Kubernetes pass on to the nodes: the README's table marks them.
SETTINGS_OF_NODES='LOG_LEVEL REDIS_DEADLINE_MS SESSION_REPLICAS SESSION_STORE SESSION_COOKIE SESSION_TTL_SECONDS
SESSION_ABSOLUTE_SECONDS SESSION_RENEW_SECONDS SESSION_ROTATE SESSION_ROTATE_GRACE SESSION_MAX SESSION_FRESH_SECONDS
SESSION_KEY SESSION_CACHE LOGIN_FAILURES LOGIN_FAILURES_ADDRESS LOGIN_FAILURES_SECONDS LOGINS_PER_MINUTE
LOGINS_PER_MINUTE_ADDRESS LOGIN_HASHES DEMO_USERS'
SETTINGS_OF_NODES=${SETTINGS_OF_NODES//$'\n'/ }

# Reads the settings from a file of lines NAME=value. The shell wins over the file, and a later line over an earlier one.
# The file is not executed: `$` has no meaning in it.
read_settings() {
  local line name value read=' '
  local assignment='^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=[[:space:]]*(.*)$'
  while IFS= read -r line || [ -n "$line" ]; do
    # Editors on Windows add these.
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

# The first script reads .env. Compose and the scripts that it calls inherit the result.
case ${COMPOSE_DISABLE_ENV_FILE:-} in
  '' | 0 | false) if [ -f .env ]; then read_settings .env; fi ;;
esac
export COMPOSE_DISABLE_ENV_FILE=1

PORT=${PORT:-8080}
HTTPS_PORT=${HTTPS_PORT:-8443}
case ${TLS:-} in
  '' | 0 | off | no | false) export TLS= ;;
  1 | on | yes | true) export TLS=1 ;;
  *) die "TLS=$TLS is neither on nor off. For https: make up TLS=1" ;;
esac
case ${SESSION_CACHE:-} in
  '' | on | off) ;;
  # The name of a mounted file contains it.
  *) die "SESSION_CACHE=$SESSION_CACHE is neither on nor off. For example: make up SESSION_CACHE=on" ;;
esac
case ${REDIS:-} in
  '' | single | sentinel | cluster) ;;
  *) die "REDIS=$REDIS is none of single, sentinel and cluster. For example: make up REDIS=sentinel" ;;
esac

# The first three numbers of the addresses of REDIS=sentinel and REDIS=cluster. Each stack of this machine needs its own, so they
# depend on its name. 198.18.0.0/15 is reserved for tests of networks: no other host has such an address (RFC 2544).
if [ -z "${REDIS_NETWORK:-}" ]; then
  place=$(cksum <<< "${COMPOSE_PROJECT_NAME:-sessions}")
  place=$((${place%% *} % 512))
  REDIS_NETWORK=198.$((18 + place / 256)).$((place % 256))
fi
network='^[0-9]{1,3}(\.[0-9]{1,3}){2}$'
[[ $REDIS_NETWORK =~ $network ]] ||
  die "REDIS_NETWORK=$REDIS_NETWORK is not the first three numbers of an address. For example: make up REDIS_NETWORK=10.83.71"
export REDIS_NETWORK

# The kind of Redis of the stack that exists, by a label of its containers. Nothing if there is none.
existing_kind() {
  command -v docker > /dev/null 2>&1 || return 0
  docker ps --all --filter "label=com.docker.compose.project=${COMPOSE_PROJECT_NAME:-sessions}" \
    --filter label=redis-kind --format '{{ .Label "redis-kind" }}' 2> /dev/null | sed -n 1p || true
}

# Every command is about the stack that exists. Only `make up` changes its kind.
EXISTING_KIND=$(existing_kind)
REDIS_KIND=${EXISTING_KIND:-${REDIS:-single}}
use_compose_files() {
  COMPOSE_FILE=docker-compose.yml
  [ "$REDIS_KIND" = single ] || COMPOSE_FILE+=:deploy/compose.$REDIS_KIND.yml
  [ -z "$TLS" ] || COMPOSE_FILE+=:deploy/compose.tls.yml
  export COMPOSE_FILE COMPOSE_PATH_SEPARATOR=:
}
use_compose_files

# Brackets belong to a URL, not to an address.
BIND=${BIND:-127.0.0.1}
BIND=${BIND#[} BIND=${BIND%]}
address='^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*)$'
[[ $BIND =~ $address ]] || die "BIND=$BIND is not an IP address. Write BIND=127.0.0.1, BIND=::1 or BIND=0.0.0.0"
export BIND
# nginx runs the same check at start.
if [ -n "${TRUSTED_PROXIES:-}" ]; then TRUSTED_PROXIES=$TRUSTED_PROXIES sh nginx/trusted-proxies.sh --check || exit 1; fi
# nginx serves the address that it is published on.
case $BIND in
  127.0.0.1 | ::1 | 0.0.0.0 | ::) ;;
  *:*) export PUBLIC_HOST=${PUBLIC_HOST:-[$BIND]} ;;
  *) export PUBLIC_HOST=${PUBLIC_HOST:-$BIND} ;;
esac

# No request to this machine or to the stack goes through a proxy of the shell.
NO_PROXY=${NO_PROXY:-${no_proxy:-}}
for host in localhost 127.0.0.1 ::1 nginx "$BIND" ${PUBLIC_HOST:+"$PUBLIC_HOST"}; do
  [[ ,$NO_PROXY, == ',*,' || ,$NO_PROXY, == *",$host,"* ]] || NO_PROXY=${NO_PROXY:+$NO_PROXY,}$host
done
export NO_PROXY no_proxy=$NO_PROXY
