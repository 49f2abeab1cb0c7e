# Sourced by install and uninstall after setup.sh: where things lie.
#
#   install_options ARG...   sets PREFIX and ROOT, and from them LIB_FOLDER, LIB, LAUNCHER, UNIT
#   completion_file SHELL    where bash or zsh looks for completions
#   with_systemd             whether a systemd that runs is to be told

install_options() {
  PREFIX=/usr/local ROOT=
  while [ $# -gt 0 ]; do
    case $1 in
      --prefix | --root) [ $# -gt 1 ] || usage "option '$1' wants a folder" ;;&
      --prefix) PREFIX=${2%/} ;;
      --root) ROOT=$(mkdir -p "$2" && cd "$2" && pwd) || fail "folder '$2' cannot be made" ;;
      *) usage "unknown option '$1'" ;;
    esac
    shift 2
  done
  case $PREFIX in
    /*) ;; *) usage "prefix '$PREFIX' must be a path from /" ;;
  esac
  # a unit takes spaces, percent signs, dollars, quotes and backslashes for its own
  case $PREFIX in *[!A-Za-z0-9/._+-]*) usage "prefix '$PREFIX' may hold letters, digits and /._+- only" ;; esac
  [ -n "$ROOT" ] || need_root
  LIB_FOLDER=$ROOT$PREFIX/lib
  LIB=$LIB_FOLDER/libnetwork-ts
  LAUNCHER=$ROOT$PREFIX/bin/netctl
  UNIT=$ROOT/etc/systemd/system/netctl.service
}

usage() {
  say "error: $1"
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

completion_file() {
  case $1 in
    bash) echo "$ROOT$PREFIX/share/bash-completion/completions/netctl" ;;
    zsh) echo "$ROOT$PREFIX/share/zsh/site-functions/_netctl" ;;
  esac
}

with_systemd() { [ -z "$ROOT" ] && [ -d /run/systemd/system ]; }
