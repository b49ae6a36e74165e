# shellcheck shell=bash
# Whether all parts of the stack on Kubernetes are ready, and why not. Sourced by kubernetes.sh.

# Waits until everything runs as it was applied. Prints the reason and fails if that cannot be, or not within five minutes and
# twenty seconds for each node: they are replaced one after the other.
k8s_wait_until_ready() {
  local trouble='' seen=0 nodes end
  nodes=$(kube get deployment app --output jsonpath='{.spec.replicas}' 2> /dev/null || true)
  end=$((SECONDS + 300 + 20 * ${nodes:-0}))
  until k8s_is_ready; do
    if trouble=$(k8s_trouble); then seen=$((seen + 1)); else seen=0; fi
    # The same trouble for some seconds: a pod can wait for the place of one that stops.
    if [ "$seen" -ge 12 ] || [ "$SECONDS" -ge "$end" ]; then
      kube get pods --output wide
      say "${trouble:-Not ready in time.}"
      return 1
    fi
    sleep 0.5
  done
}

k8s_is_ready() {
  local part parts join
  # The Job of a cluster of Redis, until Kubernetes removes it: when it is done.
  join=$(kube get jobs --selector app.kubernetes.io/name=join --output go-template='{{ range .items }}{{ or .status.succeeded 0 }}{{ end }}') || return 1
  [ "${join:-1}" = 1 ] || return 1
  # Where Redis is a service of the cloud, there is no StatefulSet.
  parts=$(kube get statefulsets --selector app.kubernetes.io/part-of=sessions --output name) || return 1
  for part in $parts deployment/app deployment/nginx; do
    kube rollout status "$part" --watch=false 2> /dev/null | grep -qE 'successfully rolled out|roll out complete|rolling update complete' || return 1
  done
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
    # The reason is kept for the end of the time.
    if k8s_makes_room "$reason"; then return 1; fi
  elif [ -n "$(kube get jobs --selector app.kubernetes.io/name=join --output jsonpath='{.items[*].status.conditions[?(@.type=="Failed")].message}')" ]; then
    say "The Redis were not joined to a cluster: $(kube logs job/join --tail 1 2>&1 | tail -n 1)"
  elif reason=$(grep -m 1 -E '^CrashLoopBackOff ' <<< "$pods"); then
    # shellcheck disable=SC2086
    set -- $reason
    [ "$4" -ge 5 ] || return 1
    say "$3 does not start: $(kube logs "$3" --previous --tail 1 2>&1 | tail -n 1)"
  else return 1
  fi
}

# Whether a pod without a place gets one soon: an autoscaler adds a machine, or the volume is being made.
k8s_makes_room() {
  local sign
  for sign in TriggeredScaleUp Nominated; do
    [ -z "$(kube get events --field-selector "reason=$sign" --output name 2> /dev/null)" ] || return 0
  done
  [[ $1 == *'unbound immediate PersistentVolumeClaims'* ]] &&
    [ -n "$(kube get persistentvolumeclaims --output jsonpath='{.items[*].spec.storageClassName}' 2> /dev/null)" ]
}
