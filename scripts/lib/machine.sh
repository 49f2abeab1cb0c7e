# Sourced after setup.sh: compares the machine before and after.
#
#   machine_before         remembers the state
#   machine_after          says what has changed since, and fails if anything has

machine_state() { NETCTL_STATE_PID=$$ with_tools sh "$PROJECT/scripts/lib/machine-state.sh"; }

machine_before() {
  MACHINE_BEFORE=$(machine_state) || fail 'the state of the machine cannot be read'
}

machine_after() {
  local after
  after=$(machine_state) || { say 'the state of the machine cannot be read'; return 1; }
  [ "$after" = "$MACHINE_BEFORE" ] && return
  say 'the machine is not as it was before (- before, + after):'
  diff -U 0 <(printf '%s\n' "$MACHINE_BEFORE") <(printf '%s\n' "$after") | tail -n +3 | grep '^[-+]' >&2
  return 1
}
