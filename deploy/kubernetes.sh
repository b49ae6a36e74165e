# shellcheck shell=bash
# The stack on Kubernetes, for the scripts. Sourced by lib.sh. kubectl chooses the cluster: KUBECONFIG, or its current context.

K8S_NAMESPACE=${K8S_NAMESPACE:-sessions}
# What make k8s-up leaves here for the other scripts: the URL, the kind of Redis, and a kustomization with this machine's settings.
K8S_FOLDER=.local/kubernetes-$K8S_NAMESPACE

kube() { kubectl --namespace "$K8S_NAMESPACE" "$@"; }

# Whether the scripts work with the stack on Kubernetes: make k8s-up has started it, and no other stack runs here. STACK=kubernetes
# chooses it, and STACK=other does not.
on_kubernetes() {
  if [ -z "${STACK:-}" ]; then
    STACK=other
    if [ -s "$K8S_FOLDER/url" ] && have kubectl && ! runs_locally && ! { have_engine && [ -n "$(compose ps --quiet app)" ]; }; then
      STACK=kubernetes
    fi
    export STACK
  fi
  [ "$STACK" = kubernetes ] || return 1
  # environment.sh has looked for the containers of Compose.
  REDIS_KIND=$(cat "$K8S_FOLDER/redis" 2> /dev/null || say single)
}

# Chooses the stack by a URL: that of make k8s-up, or another one.
choose_stack_by_url() {
  [ -n "$1" ] || return 0
  if [ "${1%/}" = "$(cat "$K8S_FOLDER/url" 2> /dev/null)" ]; then export STACK=kubernetes; fi
}

require_cluster() {
  local reason
  have kubectl || die 'kubectl is not installed. See https://kubernetes.io/docs/tasks/tools/'
  reason=$(kubectl get --raw /readyz --request-timeout=10s 2>&1) && return
  die "No cluster answers: ${reason##*$'\n'}. Start one, for example with: kind create cluster. Or choose one with KUBECONFIG."
}

# The nodes that Kubernetes runs, ready or not, without those that are stopping.
k8s_node_names() {
  kube get pods --selector app.kubernetes.io/name=app --field-selector status.phase=Running \
    --output go-template='{{ range .items }}{{ if not .metadata.deletionTimestamp }}{{ .metadata.name }}{{ "\n" }}{{ end }}{{ end }}' | sort
}

k8s_stack_runs() { [ -n "$(k8s_node_names 2> /dev/null)" ]; }

# A program in any node: k8s_in_node COMMAND...
k8s_in_node() { kube exec deployment/app --container app -- "$@" < /dev/null; }

# The pods of a part that are ready, redis or sentinel, by name.
k8s_ready_pods() {
  # shellcheck disable=SC2016 # the variable is the template's
  kube get pods --selector "app.kubernetes.io/name=$1" \
    --output go-template='{{ range .items }}{{ $name := .metadata.name }}{{ if not .metadata.deletionTimestamp }}{{ range .status.conditions }}{{ if and (eq .type "Ready") (eq .status "True") }}{{ $name }}{{ "\n" }}{{ end }}{{ end }}{{ end }}{{ end }}'
}

# The kind of Redis that the cluster runs. Nothing if there is none.
k8s_redis_kind() {
  kube get statefulsets --selector app.kubernetes.io/name=redis --output go-template='{{ range .items }}{{ or (index .metadata.labels "redis-kind") "single" }}{{ "\n" }}{{ end }}' |
    sed -n 1p
}

# redis-cli as the administrator. The password goes first on standard input, because arguments show in lists of processes.
# REDIS_SERVICE names another pod than that of the primary.
k8s_redis_program() {
  [ -s .secrets/redis-admin-password ] || die 'NOAUTH .secrets/redis-admin-password is missing. Run: make k8s-up'
  local pod=${REDIS_SERVICE:-} program='redis-cli'
  if [ -z "$pod" ]; then
    case $REDIS_KIND in
      single) pod=redis-0 ;;
      # The sentinels know the primary: any Redis can ask them.
      sentinel) program='sh /replication/cli' pod=$(k8s_ready_pods redis | sed -n 1p) ;;
      # Goes to the primary of the key by itself.
      cluster) program='redis-cli -c' pod=$(k8s_ready_pods redis | sed -n 1p) ;;
    esac
    [ -n "$pod" ] || { say 'Could not connect to Redis: no pod of Redis is ready' >&2; return 1; }
  fi
  # shellcheck disable=SC2086 # an empty limit means: leave it out
  { say "$(cat .secrets/redis-admin-password)"; cat; } | kube exec --stdin "$pod" -- ${redis_limit:-} sh -c \
    "read -r REDISCLI_AUTH && export REDISCLI_AUTH && exec $program --user admin \"\$@\"" redis-cli "$@"
}

# Why pods do not start, as one line. Fails if there is no reason so far.
k8s_trouble() {
  local pods reason
  # shellcheck disable=SC2016 # the variable is the template's
  pods=$(kube get pods --output go-template='{{ range $pod := .items }}{{ range .status.conditions }}{{ if and (eq .type "PodScheduled") (eq .status "False") }}unschedulable {{ .message }}{{ "\n" }}{{ end }}{{ end }}{{ range .status.containerStatuses }}{{ if .state.waiting }}{{ .state.waiting.reason }} {{ .image }} {{ $pod.metadata.name }} {{ .restartCount }}{{ "\n" }}{{ end }}{{ end }}{{ end }}')
  if reason=$(grep -m 1 -E '^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName) ' <<< "$pods"); then
    # shellcheck disable=SC2086 # its words
    set -- $reason
    say "The cluster cannot pull the image $2. $(k8s_how_to_load "$2")"
  elif reason=$(grep -m 1 '^unschedulable ' <<< "$pods"); then
    case $reason in
      *nsufficient* | *'Too many pods'*) say "The cluster has too little room: ${reason#unschedulable }. Remove other pods, or add a machine." ;;
      *olume*) say "The cluster has no volume for Redis: ${reason#unschedulable }. It needs a default StorageClass: kubectl get storageclass" ;;
      *) say "A pod finds no machine: ${reason#unschedulable }" ;;
    esac
  elif reason=$(grep -m 1 -E '^CrashLoopBackOff ' <<< "$pods"); then
    # shellcheck disable=SC2086
    set -- $reason
    [ "$4" -ge 5 ] || return 1
    say "$3 does not start: $(kube logs "$3" --previous --tail 1 2>&1 | tail -n 1)"
  else return 1
  fi
}

k8s_how_to_load() {
  say "Load it with: kind load docker-image $1, minikube image load $1, or docker save $1 | sudo k3s ctr images import -. Other clusters pull it from your registry: make k8s-up IMAGE=registry.example.org/sessions-app:1"
}

# Prints the command that copies an image into this kind of cluster, if its nodes cannot pull it.
k8s_loader() {
  local context
  context=$(kubectl config current-context 2> /dev/null || true)
  if [ -n "${K8S_LOAD:-}" ]; then say "$K8S_LOAD"
  elif [[ $context == kind-* ]] && have kind; then say "kind load docker-image --name ${context#kind-}"
  elif [[ $context == minikube* ]] && have minikube; then say "minikube --profile $context image load"
  fi
}

# Removes Redis, and the nodes that use it, with all that belongs to one kind of Redis. The volumes stay.
k8s_remove_redis() {
  kube delete deployment app --ignore-not-found --timeout 120s
  kube delete statefulsets,jobs,services,poddisruptionbudgets,networkpolicies,serviceaccounts \
    --selector 'app.kubernetes.io/name in (redis, sentinel, join)' --ignore-not-found --timeout 120s
  kube wait --for=delete pods --selector 'app.kubernetes.io/name in (app, redis, sentinel, join)' --timeout 120s
}

# Waits until everything runs as it was applied. Prints the reason and fails if that cannot be, or not within five minutes.
k8s_wait_until_ready() {
  local trouble='' seen=0 end=$((SECONDS + 300))
  until k8s_is_ready; do
    if trouble=$(k8s_trouble); then seen=$((seen + 1)); else seen=0; fi
    # The same trouble for some seconds: a pod can wait for the place of one that stops.
    if [ "$seen" -ge 12 ] || [ "$SECONDS" -ge "$end" ]; then
      kube get pods --output wide
      say "${trouble:-Not ready within five minutes.}"
      return 1
    fi
    sleep 0.5
  done
}

k8s_is_ready() {
  local part parts
  # Where Redis is a service of the cloud, there is no StatefulSet.
  parts=$(kube get statefulsets --selector app.kubernetes.io/part-of=sessions --output name) || return 1
  for part in $parts deployment/app deployment/nginx; do
    kube rollout status "$part" --watch=false 2> /dev/null | grep -qE 'successfully rolled out|roll out complete|rolling update complete' || return 1
  done
}

# Prints an address at which nginx answers from this machine. Fails if only a forwarded port can do that.
k8s_find_url() {
  local host port
  host=$(kube get service nginx --output jsonpath='{.status.loadBalancer.ingress[0].ip}{.status.loadBalancer.ingress[0].hostname}')
  port=$(kube get service nginx --output jsonpath='{.spec.ports[0].port}')
  if [ -n "$host" ] && answers "http://$host:$port"; then say "http://$host:$port"; return; fi
  port=$(kube get service nginx --output jsonpath='{.spec.ports[0].nodePort}')
  [ -n "$port" ] || return 1
  for host in $(kubectl get nodes --output jsonpath='{.items[*].status.addresses[?(@.type=="InternalIP")].address}'); do
    if answers "http://$host:$port"; then say "http://$host:$port"; return; fi
  done
  return 1
}

answers() { fetch_text "$1/api/cluster" > /dev/null 2>&1; }

# Forwards a port of this machine to nginx until make k8s-down, and prints the URL. For clusters whose machines cannot be reached.
k8s_forward() {
  local url
  # shellcheck disable=SC2153 # environment.sh sets it
  url=$(url_of http 127.0.0.1 "$PORT")
  port_is_taken "$PORT" 127.0.0.1 && die "Port $PORT is in use. Run: make k8s-up PORT=9090"
  # A process group of its own, as in deploy/local: it outlives the terminal.
  set -m
  kubectl --namespace "$K8S_NAMESPACE" port-forward service/nginx "$PORT:80" > "$K8S_FOLDER/forward.log" 2>&1 < /dev/null 8>&- 9<&- &
  set +m
  say $! > "$K8S_FOLDER/forward.pid"
  for _ in $(seq 50); do
    if answers "$url"; then say "$url"; return; fi
    sleep 0.2
  done
  die "The cluster runs the stack, and no address of it answers here. kubectl port-forward says: $(tail -n 1 "$K8S_FOLDER/forward.log")"
}

k8s_stop_forwarding() {
  local pid
  pid=$(cat "$K8S_FOLDER/forward.pid" 2> /dev/null) || return 0
  if process_is "$pid" port-forward; then kill "$pid" 2> /dev/null || true; fi
  rm -f "$K8S_FOLDER/forward.pid"
}
