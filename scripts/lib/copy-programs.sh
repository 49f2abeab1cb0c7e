#!/usr/bin/env bash
# Copies programs and libraries into a root folder, with every library that they are linked to.
#   copy-programs.sh ROOT FILE...     names are looked for on PATH and where libraries lie
set -euo pipefail
root=$1; shift
declare -A copied=()

# A file to where it lies here; every link on the way as a link.
copy() {
  local file=$1 target
  file=$(cd "$(dirname "$file")" && pwd -P)/${file##*/}
  [ -z "${copied[$file]:-}" ] || return 0
  copied[$file]=yes
  mkdir -p "$root${file%/*}"
  if [ -L "$file" ]; then
    target=$(readlink "$file")
    # what update-alternatives has chosen here is taken as it is: there is no /etc/alternatives there
    case $target in /etc/alternatives/*) target=$(readlink -f "$file") ;; esac
    ln -sfn "$target" "$root$file"
    case $target in /*) ;; *) target=${file%/*}/$target ;; esac
    copy "$target"
    return
  fi
  cp -p "$file" "$root$file"
  local library
  # "libx.so.1 => /lib/libx.so.1 (0x…)" and the loader itself, "/lib64/ld-linux-x86-64.so.2 (0x…)"
  for library in $(ldd "$file" 2>/dev/null | grep -oE '/[^ ]+' | sort -u); do copy "$library"; done
}

find_file() {
  case $1 in
    /*) echo "$1" ;;
    *.so.*) ls /usr/lib/*-linux-gnu/"$1" 2>/dev/null | head -n 1 ;;
    *) command -v "$1" ;;
  esac
}

for name in "$@"; do
  file=$(find_file "$name")
  [ -e "$file" ] || { echo "error: no $name on this machine" >&2; exit 1; }
  copy "$file"
done
