# Completion for tertuliad, tertuliactl, tertulia and tertulia-cli. Options and commands are asked of
# the program itself, so that this never lags behind it.

# The help of the command that the words so far lead to.
_tertulia_help() {
  local program=$1 word help
  shift
  local path=()
  help=$("$program" --help 2>/dev/null)
  for word in "$@"; do
    case $word in -*) continue ;; esac
    # A word that is a command here leads on; others are values
    if sed -n '/^Subcommands:/,$p' <<<"$help" | grep -qE "^  $word( |\$)"; then
      path+=("$word")
      help=$("$program" "${path[@]}" --help 2>/dev/null)
    fi
  done
  printf '%s\n' "$help"
}

_tertulia() {
  local cur prev words cword
  _init_completion || return
  local help
  help=$(_tertulia_help "${words[0]}" "${words[@]:1:cword-1}")
  case $(grep -oE -- "(^|[ ,])$prev [A-Z]+" <<<"$help" | grep -oE '[A-Z]+$') in
    FILE | PATH | ENDPOINT) _filedir; return ;;
    DIR) _filedir -d; return ;;
  esac
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(grep -oE '^  -[^ ]+' <<<"$help" | tr ',' '\n')" -- "$cur")
  else
    mapfile -t COMPREPLY < <(compgen -W \
      "$(sed -n '/^Subcommands:/,$p' <<<"$help" | grep -oE '^  [a-z][a-z-]*')" -- "$cur")
  fi
}
complete -F _tertulia tertuliad tertuliactl tertulia tertulia-cli
