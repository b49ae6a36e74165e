# shellcheck shell=bash
# What the scripts here share. Sourced, never run.
set -euo pipefail

say() { printf '%s\n' "$*"; }

# Ends the script with a message that says what to do.
die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Every script works from the top of the project, wherever it is called from. A CDPATH would lead elsewhere.
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=environment.sh
source deploy/environment.sh

# The address of the stack as a browser takes it: url_of http ADDRESS PORT.
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
# What a run without Docker leaves behind while it lasts.
LOCAL=.local/${COMPOSE_PROJECT_NAME:-sessions}

have() { command -v "$1" >/dev/null 2>&1; }

have_engine() { have docker && docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; }

compose() { docker compose "$@"; }

# Takes down a stack that a script has started for itself, with all that was made for it. Images of one name that were built
# at once leave all but the last one without a name.
remove_own_stack() {
  compose --profile '*' down --volumes --remove-orphans --timeout 1 --rmi local > /dev/null 2>&1 &&
    docker image prune --force --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" > /dev/null
}

# The process ID of the stack that `deploy/local` has started, if it still runs.
local_pid() {
  local pid
  pid=$(cat "$LOCAL/pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null && say "$pid"
}

runs_locally() { [ -n "$(local_pid)" ]; }

require_stack() {
  runs_locally && return
  have_engine && [ -n "$(compose ps --quiet app)" ] && return
  die 'The stack is not up. Start it with: make up'
}

# Where the stack that is up is to be had, whatever it was started with.
stack_url() {
  local published
  if runs_locally; then cat "$LOCAL/url"
  elif published=$(published_at 8443); then url_of https "${published% *}" "${published##* }"
  elif published=$(published_at 8080); then url_of http "${published% *}" "${published##* }"
  else die 'The stack is not up. Start it with: make up'
  fi
}

# Prints the address and the port of this machine on which a port of nginx is published, with a space between them. Fails if
# it is not published.
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

# The nodes that Compose runs, whether they answer or not: app-1, app-2, ...
node_names() { compose ps app --format '{{.Name}}' | sed 's/.*-\(app-[0-9]*\)$/\1/' | sort -V; }

# The number of nodes that Compose has created, whether they run or not.
count_nodes() { compose ps --all --quiet app | grep -c . || true; }

# Users of the containers, which this machine does not know, read what is mounted into them: also after a clone with umask 077.
make_mounts_readable() {
  find nginx app/redis test/faults/block.ts app/test/lib/clock-off.ts \( -type d ! -perm -005 -o -type f ! -perm -004 \) -exec chmod a+rX {} +
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

# Writes a file of .secrets: write_in_place FILE TEXT. In place: the container has this very file mounted, and would not see another under its name.
write_in_place() {
  [ "$2" != "$(cat "$1" 2>/dev/null)" ] || return 0
  [ ! -e "$1" ] || chmod u+w "$1"
  printf '%s\n' "$2" > "$1"
  chmod 444 "$1"
}

sha256_of() { printf %s "$1" | (sha256sum 2>/dev/null || shasum -a 256) | cut -d ' ' -f 1; }

# Prints what is at an address, or fails within five seconds.
fetch_text() {
  if have curl; then
    # --insecure: the certificate of this machine is signed by nobody else.
    curl -fsS --noproxy '*' --insecure --globoff --max-time 5 "$1"
  else
    NODE_NO_WARNINGS=1 NODE_TLS_REJECT_UNAUTHORIZED=0 node -e 'fetch(process.argv[1], { signal: AbortSignal.timeout(5000) }).then(async (res) => { process.stdout.write(await res.text()); process.exit(res.ok ? 0 : 1) }, () => process.exit(1))' "$1"
  fi
}

# Compose looks at its own files only. With this as a label, nginx is made anew when what is mounted into it has changed.
NGINX_CONFIG=$(sha256_of "$(cat nginx/*.* nginx/parts/*)")
export NGINX_CONFIG

# Compiles the application, and fetches what that needs when the lock file has changed since.
build_app() {
  if ! have node || ! have npm; then die 'Node 20.19 or later and npm are needed. See https://nodejs.org'; fi
  node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)' ||
    die "Node 20.19 or later is needed; this is $(node --version)."
  [ app/node_modules/.package-lock.json -nt app/package-lock.json ] || npm ci --prefix app --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error
  npm run --prefix app --silent build
}

# The same for what looks at the stack from outside, in test/.
build_stack_tests() {
  build_app
  # It uses what the application's tests use.
  ln -sfn ../app/node_modules test/node_modules
  app/node_modules/.bin/tsc -p test
  # The certificate of `make up TLS=1` is signed by nobody else.
  if [ -s .secrets/tls-certificate.pem ]; then export NODE_EXTRA_CA_CERTS=$PWD/.secrets/tls-certificate.pem; fi
}

# The image of k6 as Compose names it, with the digest that deploy/pin has written, if any.
k6_image() { sed -n 's/^ *image: \(grafana\/k6:.*\)$/\1/p' docker-compose.yml; }

# Says with HAVE_K6 whether there is a k6: the program that K6 names, or the image. Nothing is pulled for it.
find_k6() {
  if [ -n "${K6:-}" ] || docker image inspect "$(k6_image)" > /dev/null 2>&1; then export HAVE_K6=yes
  elif have k6; then export HAVE_K6=yes K6=k6
  fi
}

# shellcheck source=redis.sh
source deploy/redis.sh

require_account() {
  has_account "$1" || die "There is no account $1 in app/demo-users.json."
}

# The rule for names is that of app/src/users/users.ts.
has_account() {
  [[ "$1" =~ ^[a-z0-9][a-z0-9._-]*$ ]] && sed -n 's/.*"username": "\([^"]*\)".*/\1/p' app/demo-users.json | grep -xF -e "$1" > /dev/null
}

# Ends all sessions of the users named, by the application's own program, and names each that it ended. If that fails,
# prints one line about it on stderr and returns 1. The program writes the log's JSON lines: see app/src/end-sessions.ts.
end_sessions() {
  require_stack
  local name output reason status=1
  if runs_locally; then
    output=$(load_local_settings && LOG_LEVEL=info node app/dist/src/end-sessions.js "$@" 2>&1) && status=0
    ended_sessions "$output"
  else
    # A node can be cut off from Redis while the others are not.
    for name in $(node_names); do
      output=$(end_sessions_on "$name" "$@" 2>&1 < /dev/null) && status=0
      ended_sessions "$output"
      [ "$status" != 0 ] || break
    done
  fi
  [ "$status" != 0 ] || return 0
  # The first error is the cause; a later one may only say that there is no connection.
  reason=$(sed -n '/"level":"error".*"reason":"/{ s/.*"reason":"\([^"]*\)".*/\1/p; q; }' <<< "$output")
  say "${reason:-${output##*$'\n'}}" >&2
  return 1
}

# Its lines also go where the node's own go: the log has the end of every session.
end_sessions_on() {
  local node=$1
  shift
  # shellcheck disable=SC2016 # these are the inner shell's
  compose exec --no-TTY --index "${node#app-}" -e LOG_LEVEL=info app sh -c '
    output=$(node dist/src/end-sessions.js "$@")
    status=$?
    printf "%s\n" "$output" | tee /proc/1/fd/1
    exit $status' - "$@"
}

ended_sessions() { sed -n '/"event":"revoked"/s/.*"sessionId":"\([^"]*\)".*/Ended session \1/p' <<< "$1"; }

# Says where the stack cannot tell its clients apart: docs/security.md, "Addresses".
say_addresses() {
  case ${TRUSTED_PROXIES:-}$1 in
    127.* | ::1 | localhost) say "All clients of $1 have one address here: failed logins are counted for each account only. See docs/security.md" ;;
  esac
}

welcome() {
  cat <<TEXT

  One session, three nodes:  $URL

  Log in as    ada     analytical-engine
               grace   nanosecond
               alan    universal-machine

  Next         make loadtest    prove that every node honours every session
               make logs        watch the requests go round

TEXT
}
