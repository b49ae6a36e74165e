# shellcheck shell=bash
# Functions that the scripts share. Sourced, never run.
set -euo pipefail

say() { printf '%s\n' "$*"; }

# Ends the script with a message that says what to do.
die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Every script runs in the top folder of the project. A CDPATH would send cd to another folder.
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=environment.sh
source deploy/environment.sh
# shellcheck source=progress.sh
source deploy/progress.sh

# The URL of the stack for a browser: url_of http ADDRESS PORT.
url_of() {
  local host=$2
  case $host in
    127.0.0.1 | 0.0.0.0 | ::) host=localhost ;;
    ::1) host='[::1]' ;;
    *) host=${PUBLIC_HOST:-$host} ;;
  esac
  say "$1://$host:$3"
}

if [ -n "$TLS" ]; then URL=$(url_of https "$BIND" "$HTTPS_PORT"); else URL=$(url_of http "$BIND" "$PORT"); fi
# The files of a stack without Docker while it runs.
LOCAL=.local/${COMPOSE_PROJECT_NAME:-sessions}

have() { command -v "$1" >/dev/null 2>&1; }

have_engine() { have docker && docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; }

compose() { docker compose "$@"; }

# Removes a stack that a script has started for itself, with its volumes and images. Compose builds the same image for several
# services at once, and all but the last lose their name: prune removes these.
remove_own_stack() {
  compose --profile '*' down --volumes --remove-orphans --timeout 1 --rmi local &&
    docker image prune --force --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
}

# Whether a process still runs, by a part of its arguments too: after a restart of the machine, another one can have its number.
process_is() {
  # The second form is that of busybox.
  { ps -A -ww -o pid= -o args= 2>/dev/null || ps -o pid,args; } |
    awk -v pid="$1" -v part="$2" '$1 == pid && index($0, part) { found = 1 } END { exit !found }'
}

# The process ID of the stack that `deploy/local` has started with this folder, if it still runs.
pid_of_stack() {
  local pid
  pid=$(cat "$1/pid" 2>/dev/null) && process_is "$pid" server-lb.js && say "$pid"
}
local_pid() { pid_of_stack "$LOCAL"; }

runs_locally() { [ -n "$(local_pid)" ]; }

require_stack() {
  if on_kubernetes; then
    k8s_stack_runs || die 'The stack is not running. Start it with: make k8s-up'
    return
  fi
  runs_locally && return
  have_engine && [ -n "$(compose ps --quiet app)" ] && return
  die 'The stack is not running. Start it with: make up'
}

# The URL of the running stack, whichever way it was started.
stack_url() {
  local published
  if on_kubernetes; then cat "$K8S_FOLDER/url"
  elif runs_locally; then cat "$LOCAL/url"
  elif published=$(published_at 8443); then url_of https "${published% *}" "${published##* }"
  elif published=$(published_at 8080); then url_of http "${published% *}" "${published##* }"
  else die 'The stack is not running. Start it with: make up'
  fi
}

# Prints the address and the port of this machine on which a port of nginx is published, separated by a space. Fails if the port
# is not published.
published_at() {
  local published address
  published=$(compose port nginx "$1" 2>/dev/null) && [[ "$published" =~ :[1-9][0-9]*$ ]] || return 1
  address=${published%:*} address=${address#[}
  say "${address%]} ${published##*:}"
}

# The port alone.
published_port() {
  local published
  published=$(published_at "$1") && say "${published##* }"
}

# The nodes that Compose or Kubernetes runs, healthy or not: app-1, app-2, ...
node_names() {
  if on_kubernetes; then k8s_node_names; else compose_node_names; fi
}
compose_node_names() { compose ps app --format '{{.Name}}' | sed 's/.*-\(app-[0-9]*\)$/\1/' | sort -V; }

# The number of nodes that Compose has created, whether they run or not.
count_nodes() { compose ps --all --quiet app | grep -c . || true; }

# Makes the mounted files readable for the users of the containers, also after a clone with umask 077.
make_mounts_readable() {
  find nginx app/redis deploy/replication \( -type d ! -perm -005 -o -type f ! -perm -004 \) -exec chmod a+rX {} +
}

# Whether a program listens on this port of an address, BIND unless told. `localhost` stands for two addresses.
port_is_taken() {
  local address addresses=${2:-$BIND}
  case $(url_of http "$addresses" "$1") in *//localhost:*) addresses='127.0.0.1 ::1' ;; esac
  for address in $addresses; do
    if (exec 3<>"/dev/tcp/$address/$1") 2>/dev/null; then return 0; fi
  done
  return 1
}

new_password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# Writes a file of .secrets: write_in_place FILE TEXT. A container mounts the file itself and would not see a new file of that name.
write_in_place() {
  [ "$2" != "$(cat "$1" 2>/dev/null)" ] || return 0
  [ ! -e "$1" ] || chmod u+w "$1"
  printf '%s\n' "$2" > "$1"
  chmod 444 "$1"
}

sha256_of() { printf %s "$1" | (sha256sum 2>/dev/null || shasum -a 256) | cut -d ' ' -f 1; }

# Prints the body at a URL, or fails within five seconds.
fetch_text() {
  if have curl; then
    # --insecure: the development certificate is self-signed.
    curl -fsS --noproxy '*' --insecure --globoff --max-time 5 "$1"
  else
    NODE_NO_WARNINGS=1 NODE_TLS_REJECT_UNAUTHORIZED=0 node -e 'fetch(process.argv[1], { signal: AbortSignal.timeout(5000) }).then(async (res) => { process.stdout.write(await res.text()); process.exit(res.ok ? 0 : 1) }, () => process.exit(1))' "$1"
  fi
}

# The node that answers at a URL, or nothing.
served_by() { fetch_text "$1/api/cluster" 2> /dev/null | sed -n 's/.*"servedBy":"\([^"]*\)".*/\1/p' || true; }

# Compose compares its own files only. This hash is a label of nginx, so Compose recreates nginx when a mounted file has changed, or
# the certificate.
note_files_of_nginx() {
  local certificate=''
  if [ -n "$TLS" ]; then certificate=$(cat .secrets/tls-certificate.pem 2> /dev/null || true); fi
  NGINX_CONFIG=$(sha256_of "$(cat nginx/*.* nginx/parts/*)$certificate")
  export NGINX_CONFIG
}
note_files_of_nginx

# Installs the packages of a folder if its lock file has changed.
fetch_packages() {
  [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] || npm ci --prefix "$1" --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error
}

# Whether test/run has already compiled this folder. Its sources do not change while the tests run.
is_compiled() { [ "${COMPILED_FOLDER:-}" = "$PWD" ]; }

# Compiles the application, after installing its packages.
build_app() {
  ! is_compiled || return 0
  if ! have node || ! have npm; then die 'Node 20.19 or later and npm are needed. See https://nodejs.org'; fi
  node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)' ||
    die "Node 20.19 or later is needed; this is $(node --version)."
  fetch_packages app
  npm run --prefix app --silent build
}

# Compiles the tests too, and the code that they share with the k6 scripts.
build_stack_tests() {
  if ! is_compiled; then
    build_app
    fetch_packages test
    npm run --prefix test --silent build
  fi
  trust_own_certificate
}

# The certificate of `make up TLS=1` is self-signed.
trust_own_certificate() {
  if [ -s .secrets/tls-certificate.pem ]; then export NODE_EXTRA_CA_CERTS=$PWD/.secrets/tls-certificate.pem; fi
}

# Compiles the tests as a step with progress.
compile_programs() {
  step 'Compile the programs' 'The test programs were not compiled. The reason is above. Fix it and run the command again.' build_stack_tests
  trust_own_certificate
}

# The image of k6 as Compose names it, with the digest that deploy/pin has written, if any.
k6_image() { sed -n 's/^ *image: \(grafana\/k6:.*\)$/\1/p' docker-compose.yml; }

# Sets HAVE_K6 if k6 is available: the program that K6 names, the local image, or a program of that name. Pulls nothing.
find_k6() {
  if [ -n "${K6:-}" ] || docker image inspect "$(k6_image)" > /dev/null 2>&1; then export HAVE_K6=yes
  elif have k6; then export HAVE_K6=yes K6=k6
  fi
}

# shellcheck source=redis.sh
source deploy/redis.sh
# shellcheck source=kubernetes.sh
source deploy/kubernetes.sh

require_account() {
  has_account "$1" || die "There is no account $1 in app/demo-users.json."
}

# The rule for names is that of app/src/users/users.ts.
has_account() {
  [[ "$1" =~ ^[a-z0-9][a-z0-9._-]*$ ]] && sed -n 's/.*"username": "\([^"]*\)".*/\1/p' app/demo-users.json | grep -xF -e "$1" > /dev/null
}

# Revokes all sessions of the named users with the application's own program, and prints the id of each. On failure, prints one
# line on stderr and returns 1. The program logs in JSON: see app/src/admin/end-sessions.ts.
end_sessions() {
  require_stack
  local name output reason status=1
  if runs_locally; then
    output=$(load_local_settings && LOG_LEVEL=info node app/dist/src/admin/end-sessions.js "$@" 2>&1) && status=0
    ended_sessions "$output"
  else
    # A node can be cut off from Redis while the others are not. If Redis itself does not answer, the others need not try.
    for name in $(node_names); do
      output=$(end_sessions_on "$name" "$@" 2>&1 < /dev/null) && status=0
      ended_sessions "$output"
      [ "$status" != 0 ] || break
      on_kubernetes || redis_command PING > /dev/null 2>&1 < /dev/null || break
    done
  fi
  [ "$status" != 0 ] || return 0
  # The first error is the cause; a later one may only say that there is no connection.
  reason=$(sed -n '/"level":"error".*"reason":"/{ s/.*"reason":"\([^"]*\)".*/\1/p; q; }' <<< "$output")
  say "${reason:-${output##*$'\n'}}" >&2
  return 1
}

# Its log lines also go to the log of the node, so that the log contains the end of every session.
end_sessions_on() {
  local node=$1
  shift
  # shellcheck disable=SC2016 # these are the inner shell's
  local script='
    output=$(LOG_LEVEL=info node dist/src/admin/end-sessions.js "$@")
    status=$?
    printf "%s\n" "$output" | tee /proc/1/fd/1
    exit $status'
  if on_kubernetes; then kube exec "$node" --container app -- sh -c "$script" - "$@"
  else compose exec --no-TTY --index "${node#app-}" app sh -c "$script" - "$@"
  fi
}

ended_sessions() { sed -n '/"event":"revoked"/s/.*"sessionId":"\([^"]*\)".*/Ended session \1/p' <<< "$1"; }

# Warns when all clients share one address: docs/security.md, "Addresses".
say_addresses() {
  case ${TRUSTED_PROXIES:-}$1 in
    127.* | ::1 | localhost) say "All clients of $1 share one address here: failed logins are counted per account only. See docs/security.md" ;;
  esac
}

welcome() {
  cat <<TEXT

  One session, three nodes:  $URL

  Log in as    ada     analytical-engine
               grace   nanosecond
               alan    universal-machine

  Next         make loadtest    prove that every node honours every session
               $(printf "%-16s" "make ${MAKE_LOGS:-logs}") watch the requests go round

TEXT
}
