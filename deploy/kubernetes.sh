# shellcheck shell=bash
# The stack on Kubernetes, for the scripts. Sourced by lib.sh. kubectl chooses the cluster: KUBECONFIG, or its current context.

K8S_NAMESPACE=${K8S_NAMESPACE:-sessions}
# What make k8s-up leaves here for the other scripts: the URL, the kind of Redis, and a kustomization with this machine's settings.
K8S_FOLDER=.local/kubernetes-$K8S_NAMESPACE

kube() { kubectl --namespace "$K8S_NAMESPACE" "$@"; }

# shellcheck source=kubernetes-ready.sh
source deploy/kubernetes-ready.sh
# shellcheck source=kubernetes-address.sh
source deploy/kubernetes-address.sh

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

# The number of nodes, if make k8s-scale has changed it. Nothing where it follows the load: components/hpa
k8s_scaled_to() {
  local nodes
  nodes=$(kube get deployment app --output jsonpath='{.spec.replicas}' 2> /dev/null || true)
  if [ "${nodes:-3}" != 3 ] && [ -z "$(kube get horizontalpodautoscalers --output name 2> /dev/null)" ]; then say "$nodes"; fi
}

# Applies what make k8s-up has written, and keeps the number of nodes.
k8s_apply() {
  local file=$K8S_FOLDER/kustomization.yaml nodes rest
  [ -f "$file" ] || die "$file is missing. Run: make k8s-up"
  rest=$(grep -v '^replicas:' "$file")
  nodes=$(k8s_scaled_to)
  say "$rest" > "$file"
  [ -z "$nodes" ] || say "replicas: [{ name: app, count: $nodes }]" >> "$file"
  # Kubernetes changes no Job. A new one looks at the cluster of Redis again: deploy/replication/join
  kube delete job join --ignore-not-found --timeout 60s
  kubectl apply -k "$K8S_FOLDER"
}

# Whether the overlay makes the Secret of the seals from .secrets.
k8s_makes_seal_secret() {
  local manifests
  manifests=$(kubectl kustomize "$K8S_FOLDER") && grep -q '^  name: session-seal-' <<< "$manifests"
}

# Applies the changed seal keys of .secrets, which replaces the nodes. Ends when the last old node has stopped.
k8s_apply_seal_keys() {
  local before old
  before=$(k8s_node_names)
  k8s_apply
  k8s_wait_until_ready
  old=$(sed 's/^/pod\//' <<< "$before")
  # shellcheck disable=SC2086 # the name of each
  kube wait --for=delete --timeout 120s $old
}
