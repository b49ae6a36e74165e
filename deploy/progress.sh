# shellcheck shell=bash
# Shows what a script is doing, and hides what the commands print. Sourced by lib.sh, never run.
# On a terminal the line of a step moves: "Build the images ... 12 s". Elsewhere (a pipe, CI=1, TERM=dumb) it is written once.
# VERBOSE=1 hides nothing.

step_title='' step_pid='' STEP_STATUS=0
# The time that the next step usually takes, in seconds. It is optional.
USUAL_SECONDS=''

# step TITLE MESSAGE COMMAND...: runs a command or a function in a subshell. If it fails, prints its whole output and the message,
# and exits with its status. Never call this in a condition or before ||: bash would ignore failures inside a function.
step() {
  attempt "$1" "${@:3}"
  if [ "$STEP_STATUS" != 0 ]; then
    show_hidden >&2
    printf '%s\n' "$2" >&2
    exit "$STEP_STATUS"
  fi
}

# attempt TITLE COMMAND...: the same without exiting. Sets STEP_STATUS; show_hidden prints the output.
attempt() {
  step_title=$1 STEP_STATUS=0 step_started=$SECONDS
  shift
  exit_on_signals
  hide_output
  if line_moves; then show_line; else printf '%s ... ' "$step_title"; fi
  [ -z "${VERBOSE:-}" ] || say ''
  if [ -n "${STEP_OUTSIDE:-}" ]; then
    # A step of another script runs this one: a signal reaches both, as members of one process group.
    set +e
    (set -e && "$@") >&8 2>&8 < /dev/null 8>&- 9<&-
    STEP_STATUS=$?
    set -e
  else
    # A process group of its own (set -m), so that a signal can be sent to all that it has started.
    set -m
    (export STEP_OUTSIDE=1 && "$@") >&8 2>&8 < /dev/null 8>&- 9<&- &
    step_pid=$!
    set +m
    if line_moves; then move_line_until_end; fi
    # bash reports here when the command was ended by a signal.
    { wait "$step_pid" || STEP_STATUS=$?; } 2> /dev/null
    step_pid=''
  fi
  if [ "$STEP_STATUS" = 0 ]; then end_line 'done,'; else end_line 'FAILED after'; fi
}

# Opens the hidden output for writing (8) and for reading (9). The file has no name, so none is left behind.
hide_output() {
  local file
  if [ -n "${VERBOSE:-}" ]; then exec 8>&1 9< /dev/null; return; fi
  file=$(mktemp)
  exec 8> "$file"
  exec 9< "$file"
  rm -f "$file"
}

show_hidden() { cat <&9; }

line_moves() { [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${CI:-}" ] && [ -z "${VERBOSE:-}" ]; }

move_line_until_end() {
  local shown=$SECONDS
  while kill -0 "$step_pid" 2> /dev/null; do
    if [ "$shown" != "$SECONDS" ]; then shown=$SECONDS; show_line; fi
    sleep 0.1
  done
}

# Cut to the width of the terminal: a line that wraps cannot be replaced.
show_line() {
  local size width seconds line
  { size=$(stty size <&7 2> /dev/null) || size=; } 7<&1
  width=$((${size#* } + 0))
  [ "$width" -gt 1 ] || width=80
  seconds=" ... $((SECONDS - step_started)) s${USUAL_SECONDS:+ of about $USUAL_SECONDS s}"
  line=$((width - 1 - ${#seconds}))
  line=${step_title:0:$((line > 0 ? line : 0))}$seconds
  printf '\r%s\033[K' "${line:0:$((width - 1))}"
}

end_line() {
  if line_moves; then printf '\r\033[K%s ... ' "$step_title"; fi
  [ -z "${VERBOSE:-}" ] || printf '%s ... ' "$step_title"
  say "$1 $((SECONDS - step_started)) s"
  step_title='' USUAL_SECONDS=''
}

# A signal ends the command of the step, and then the script by way of its EXIT trap.
exit_on_signals() {
  [ -z "${catches_signals:-}" ] || return 0
  catches_signals=yes
  trap 'exit_on_signal HUP 129' HUP
  trap 'exit_on_signal INT 130' INT
  trap 'exit_on_signal TERM 143' TERM
}

# Whether a process of the group runs. One that has exited is a zombie (Z) until its parent has noticed.
group_runs() {
  kill -0 -- "-$1" 2> /dev/null || return 1
  # Without a ps that has these options, a zombie counts as a process.
  ! ps -A -o pgid= -o stat= 2> /dev/null |
    awk -v group="$1" '$1 == group { seen = 1; if ($2 !~ /^Z/) runs = 1 } END { exit !(seen && !runs) }'
}

# For a script that cleans up: a second Ctrl-C must not leave half of it.
ignore_signals() {
  catches_signals=yes
  trap '' HUP INT TERM
}

exit_on_signal() {
  # After a second signal the command has no time to clean up.
  trap '[ -z "$step_pid" ] || kill -KILL -- "-$step_pid" 2> /dev/null || true' HUP INT TERM
  if [ -n "$step_pid" ]; then
    kill -s "$1" -- "-$step_pid" 2> /dev/null || true
    # k6 ends its sessions before it exits.
    for _ in $(seq 300); do
      group_runs "$step_pid" || break
      sleep 0.1
    done
    kill -KILL -- "-$step_pid" 2> /dev/null || true
    { wait "$step_pid" || true; } 2> /dev/null
    step_pid=''
  fi
  [ -z "$step_title" ] || end_line 'stopped after'
  exit "$2"
}
