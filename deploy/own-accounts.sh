# shellcheck shell=bash
# Accounts that exist only while the script that sources this runs. Source it after lib.sh.

# Creates COUNT accounts, exports them as TEST_ACCOUNTS, and removes them with their sessions however this script ends.
# What the caller has in TEST_ACCOUNTS is used as it is, and left.
use_own_accounts() {
  [ -z "${TEST_ACCOUNTS:-}" ] || return 0
  exit_on_signals
  TEST_ACCOUNTS=$(deploy/test-accounts create "$1" "$2") || die 'Nothing was proved: the run has no accounts to log in to.'
  export TEST_ACCOUNTS
  trap 'remove_own_accounts "$?"' EXIT
}

remove_own_accounts() {
  local code=$1
  ignore_signals
  if ! deploy/test-accounts remove; then
    printf 'The accounts of this run were not removed with all their sessions.\n' >&2
    [ "$code" != 0 ] || code=1
  fi
  exit "$code"
}
