# Sourced by the other scripts. Finds what this project runs with, and gets what is missing
# without changing the machine: Debian packages are unpacked into a cache folder and laid over
# /usr in a mount namespace of our own; nothing is installed, started or removed.
#
#   need_root                 ends with a plain message when the caller is not root
#   need_programs NAME...     makes sure that programs (keys of PROGRAM_PACKAGES) can be run by with_tools
#   need_packages NAME...     the same by Debian package name, e.g. for peers in a benchmark
#   need_node                 npm, dependencies of package-lock.json and with them Node 24; puts it first in PATH
#   with_tools CMD...         runs CMD where the unpacked packages look installed
#   exec_with_tools CMD...    the same in place of the script: what ends the script ends CMD
set -euo pipefail

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

# Program or library file -> the Debian package that brings it.
declare -A PROGRAM_PACKAGES=(
  [dockerd]='docker.io containerd runc'
  [docker-compose]=docker-compose
  [nft]='nftables libnftables1'
  [iptables]=iptables
  [ebtables]=iptables
  [ip]=iproute2
  [busybox]=busybox-static
  [curl]=curl
  [ping]=iputils-ping
  [sysctl]=procps
  [python3]=python3
  [zsh]=zsh
  [npm]='nodejs npm'
  [firewalld]='firewalld dbus'
  [dig]=bind9-dnsutils
  [dnsmasq]=dnsmasq-base
  [dhcpd]=isc-dhcp-server
  [unbound]=unbound
  [etcd]=etcd-server
  [etcdctl]=etcd-client
  [vtysh]=frr
)

# What the tests and the demo run.
TEST_PROGRAMS=(dockerd docker-compose firewalld nft iptables ebtables ip busybox curl ping sysctl python3 dig dnsmasq dhcpd unbound etcd etcdctl vtysh zsh)

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

need_root() {
  [ "$(id -u)" = 0 ] || fail "root is needed: network namespaces, mounts and packet filters cannot be made without it. Try: sudo $0"
}

# The cache folder, made on first use: $NETCTL_CACHE, else ~/.cache/libnetwork-ts, else .cache in the checkout where HOME cannot be written.
cache_folder() {
  if [ -z "${NETCTL_CACHE:-}" ]; then
    NETCTL_CACHE=${HOME:-/nonexistent}/.cache/libnetwork-ts
    if ! { mkdir -p "$NETCTL_CACHE" && [ -w "$NETCTL_CACHE" ]; } 2>/dev/null; then NETCTL_CACHE=$PROJECT/.cache; fi
  fi
  NETCTL_CACHE=$(realpath -m "$NETCTL_CACHE")
  mkdir -p "$NETCTL_CACHE"/debian/{archives,lists/partial,done} \
    || fail "cache folder '$NETCTL_CACHE' cannot be written; set NETCTL_CACHE to one that can"
  export NETCTL_CACHE
}

# apt that reads the machine's settings and, with lists=own, package lists of our own. Never takes the machine's locks.
apt_own() {
  local lists=$1; shift
  local options=(-o APT::Sandbox::User=root -o Debug::NoLocking=1 -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
  [ "$lists" = machine ] || options+=(-o "Dir::State::lists=$NETCTL_CACHE/debian/lists" -o APT::Update::Post-Invoke-Success= -o APT::Update::Post-Invoke=)
  apt-get -qq "${options[@]}" "$@"
}

# name=version of every package that apt would have to add for the given ones.
closure() {
  local lists=$1; shift
  apt_own "$lists" -s --no-install-recommends --no-remove install "$@" | sed -nE 's/^Inst ([^ ]+) (\[[^]]*\] )?\(([^ ]+) .*/\1=\3/p'
}

# Downloads what is missing for the given packages and prints its name=version words.
fetch_packages() {
  local lists=$1 names name wanted=(); shift
  names=$(closure "$lists" "$@") || return
  for name in $names; do [ -e "$NETCTL_CACHE/debian/done/$name" ] || wanted+=("$name"); done
  [ ${#wanted[@]} = 0 ] && return
  (cd "$NETCTL_CACHE/debian/archives" && apt_own "$lists" download "${wanted[@]}") || return
  printf '%s\n' "${wanted[@]}"
}

# One mark for a list of packages on the machine as it is now: when its own packages change, so does what is missing.
set_mark() { printf '%s/debian/done/set-%s' "$NETCTL_CACHE" "$(printf '%s\n' "$*" "$(cksum </var/lib/dpkg/status)" | cksum | tr ' ' -)"; }

need_packages() {
  cache_folder
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null \
    || fail "this machine has no apt; install what the Debian packages $* bring by its own means, then try again"
  [ -e "$(set_mark "$@")" ] && return
  # two runs at once must not unpack into each other
  exec 9>"$NETCTL_CACHE/debian/lock" && flock 9
  [ -e "$(set_mark "$@")" ] || unpack_packages "$@"
  exec 9>&-
}

unpack_packages() {
  local names name log=$NETCTL_CACHE/debian/apt.log root=$NETCTL_CACHE/debian/unpacked
  say "getting from Debian: $*"
  if ! names=$(fetch_packages machine "$@" 2>"$log"); then
    apt_own own update >>"$log" 2>&1 || { cat "$log" >&2; fail 'apt cannot read the package lists (its words are above)'; }
    names=$(fetch_packages own "$@" 2>>"$log") || { cat "$log" >&2; fail "apt cannot get $* (its words are above)"; }
  fi
  # as on the machine itself, so that files of /bin and /lib land in /usr
  mkdir -p "$root"/{etc,usr/{bin,sbin,lib,lib64}}
  for name in bin sbin lib lib64; do ln -sfn "usr/$name" "$root/$name"; done
  for name in $names; do
    # not dpkg-deb -x: it would put folders in the place of those links
    dpkg-deb --fsys-tarfile "$(archive_of "$name")" | tar -x -C "$root" --keep-directory-symlink
    rm "$(archive_of "$name")"
    : >"$NETCTL_CACHE/debian/done/$name"
  done
  [ ! -e "$root/usr/sbin/xtables-nft-multi" ] || iptables_links "$root/usr/sbin"
  : >"$(set_mark "$@")"
}

# The file that `apt-get download` makes of NAME=VERSION: NAME_VERSION_ARCH.deb, with %3a for a colon.
archive_of() { printf '%s' "$NETCTL_CACHE/debian/archives/${1%%=*}_$(printf '%s' "${1#*=}" | sed 's/:/%3a/')"_*.deb; }

# What update-alternatives makes when the package is installed for real.
iptables_links() {
  local name
  for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore ebtables ebtables-save ebtables-restore; do
    ln -sf xtables-nft-multi "$1/$name"
  done
}

need_programs() {
  local program packages=()
  for program in "$@"; do
    command -v "$program" >/dev/null || read -ra packages -d '' <<<"${packages[*]:-} ${PROGRAM_PACKAGES[$program]}" || true
  done
  cache_folder
  [ ${#packages[@]} = 0 ] || need_packages "${packages[@]}"
}

with_tools() {
  cache_folder
  if [ -n "${NETCTL_TOOLS:-}" ] || [ ! -d "$NETCTL_CACHE/debian/unpacked/usr" ]; then ${RUN_BY:-} "$@"; return; fi
  need_root
  mkdir -p "$NETCTL_CACHE/debian/etc"
  # an overlay, because programs then find their libraries, modules and helpers where they were built to look for
  # them; below what the machine has, so that its own programs stay what they are. /etc is a copy that is dropped at
  # the end: overlays cannot be stacked often, and some machines' root is one already.
  NETCTL_TOOLS=$NETCTL_CACHE/debian/unpacked ${RUN_BY:-} unshare --mount --propagation slave -- sh -ec '
    mount -t overlay -o "ro,lowerdir=/usr:$NETCTL_TOOLS/usr" netctl-tools /usr || {
      echo "error: this kernel cannot lay the unpacked packages over /usr (overlayfs); install them instead" >&2; exit 1; }
    mount -t tmpfs -o mode=755 netctl-etc "$NETCTL_TOOLS/../etc"
    cp -a /etc/. "$NETCTL_TOOLS/../etc"
    cp -an "$NETCTL_TOOLS/etc/." "$NETCTL_TOOLS/../etc"
    mount --bind "$NETCTL_TOOLS/../etc" /etc
    exec "$@"' sh "$@"
}

exec_with_tools() { RUN_BY=exec with_tools "$@"; }

# Runs npm by Node 24. An older one leaves out packages whose "engines" exclude it, without a word when
# they are optional, as the compiled parts of the linters are: so Node 24 and npm are fetched with it first.
run_npm() {
  local arch=$1 major folder=$NETCTL_CACHE/npm; shift
  major=$(node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/') || :
  if [ "${major:-0}" -ge 24 ] && command -v npm >/dev/null; then npm "$@"; return; fi
  if [ ! -e "$folder/ready" ]; then
    need_programs npm
    say 'getting from npm: Node 24 and npm 11'
    mkdir -p "$folder"
    with_tools npm install --prefix "$folder" --no-audit --no-fund --loglevel=error "node-linux-$arch@24" npm@11 >&2 || return
    : >"$folder/ready"
  fi
  PATH=$folder/node_modules/node-linux-$arch/bin:$PATH node "$folder/node_modules/npm/bin/npm-cli.js" "$@"
}

need_node() {
  local arch node_folder
  case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) fail "no Node 24 package for $(uname -m)" ;; esac
  node_folder=$PROJECT/node_modules/node-linux-$arch/bin
  # installed already: the same lock by content, or by age where npm was run by hand
  if ! cmp -s "$PROJECT/package-lock.json" "$PROJECT/node_modules/.installed-lock.json" \
    && [ ! "$PROJECT/node_modules/.package-lock.json" -nt "$PROJECT/package-lock.json" ]; then
    # npm would empty what it leads to
    [ ! -L "$PROJECT/node_modules" ] || fail "node_modules leads to $(readlink "$PROJECT/node_modules"), which has not what package-lock.json names: remove the link"
    cache_folder
    [ -w "${HOME:-/nonexistent}" ] || export npm_config_cache=$NETCTL_CACHE/npm-downloads
    say 'getting from npm: what package-lock.json names'
    (cd "$PROJECT" && run_npm "$arch" ci --no-audit --no-fund --loglevel=error >&2) || fail 'npm failed (its words are above)'
    cp "$PROJECT/package-lock.json" "$PROJECT/node_modules/.installed-lock.json"
  fi
  [ -x "$node_folder/node" ] || fail "npm brought no $node_folder/node"
  export PATH=$node_folder:$PROJECT/node_modules/.bin:$PATH
}
