# shellcheck shell=bash
# The address of the stack on Kubernetes. Sourced by kubernetes.sh.

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

# Whether a node of this stack answers there. Another stack may have the address by now.
answers() {
  local node
  node=$(served_by "$1")
  # A node that stops still serves for some seconds.
  [ -n "$node" ] && grep -qxF "pod/$node" <<< "$(kube get pods --selector app.kubernetes.io/name=app --output name)"
}

# Forgets the address and the copied images of another cluster, or of one that was deleted and created again under its name.
k8s_forget_other_clusters() {
  local cluster
  cluster=$(kubectl get namespace kube-system --output jsonpath='{.metadata.uid}' 2> /dev/null || true)
  mkdir -p "$K8S_FOLDER"
  [ "$(cat "$K8S_FOLDER/cluster" 2> /dev/null)" != "$cluster" ] || return 0
  k8s_stop_forwarding
  rm -f "$K8S_FOLDER/url" "$K8S_FOLDER/loaded"
  say "$cluster" > "$K8S_FOLDER/cluster"
}

# Forwards a port of this machine to nginx until make k8s-down, and prints the URL. For clusters whose machines cannot be reached.
# kubectl forwards to one pod and ends with it, so it is started again. That ends by itself some minutes after the cluster.
k8s_forward() {
  local url
  # shellcheck disable=SC2153 # environment.sh sets it
  url=$(url_of http 127.0.0.1 "$PORT")
  port_is_taken "$PORT" 127.0.0.1 && die "Port $PORT is in use. Run: make k8s-up PORT=9090"
  # A process group of its own, as in deploy/local: it outlives the terminal.
  set -m
  # shellcheck disable=SC2016 # the variables of the other bash
  bash -c 'for _ in $(seq 500); do kubectl --namespace "$1" port-forward service/nginx "$2:80"; sleep 0.5; done' \
    forward "$K8S_NAMESPACE" "$PORT" > "$K8S_FOLDER/forward.log" 2>&1 < /dev/null 8>&- 9<&- &
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
  if process_is "$pid" port-forward; then kill -- "-$pid" 2> /dev/null || true; fi
  rm -f "$K8S_FOLDER/forward.pid"
}
