#!/bin/bash
# Bash offers every option and every command that a program's help names. usage: completion_test.sh
# COMPLETIONS PROGRAM…
set -euo pipefail
completions=$1
shift
for lib in /usr/share/bash-completion/bash_completion; do
  if [ ! -e "$lib" ]; then
    echo "SKIP: there is no bash-completion"
    exit 77
  fi
  set +eu
  # shellcheck source=/dev/null
  . "$lib"
  set -u
done
# shellcheck source=/dev/null
. "$completions"
faults=0

# Each help is asked of the program once: a run takes 0.3 s under a sanitizer, and each completion
# asks for those of all commands that lead to it.
helps=$(mktemp -d)
trap 'rm -rf "$helps"' EXIT
remember() {
  local program=$1
  eval "function $(printf %q "$program") { asked_once $(printf %q "$program") \"\$@\"; }"
}
asked_once() {
  local kept="$helps/${*//\//:}"
  [ -e "$kept" ] || command "$@" >"$kept" 2>/dev/null
  cat "$kept"
}

# complete_after WORD…: completes the last of the words, into COMPREPLY; once for all that is expected
# there.
complete_after() {
  COMP_WORDS=("$@")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMP_LINE="$*"
  COMP_POINT=${#COMP_LINE}
  COMPREPLY=()
  _tertulia 2>/dev/null || true
}

# offers WANTED: WANTED is among what was last completed.
offers() {
  local reply
  for reply in "${COMPREPLY[@]}"; do
    [ "$reply" != "$1" ] || return 0
  done
  echo "not offered after '${COMP_WORDS[*]}': $1"
  faults=$((faults + 1))
}

check() {
  local help option command commands
  help=$("$@" --help 2>/dev/null)
  complete_after "$@" -
  for option in $(grep -oE '^  -[^ ]+' <<<"$help" | tr ',' ' '); do offers "$option"; done
  commands=$(sed -n '/^Subcommands:/,$p' <<<"$help" | grep -oE '^  [a-z][a-z-]*')
  [ -n "$commands" ] || return 0
  complete_after "$@" ''
  for command in $commands; do offers "$command"; done
  for command in $commands; do check "$@" "$command"; done
}

for program in "$@"; do
  remember "$program"
  check "$program"
done
# As set -e is off by now: one exit for all
[ "$faults" = 0 ] && echo "every option and command is offered"
exit $((faults > 0))
