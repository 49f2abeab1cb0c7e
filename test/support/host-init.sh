# First process of a private host (or, with "lan" as first word, of a LAN). It is started in fresh
# network, mount, UTS and PID namespaces, makes the mounts private that a host would have for itself,
# says its pid on stdout and from then on only collects orphans. Its end is the end of every process in it.
#   sh host-init.sh host|lan NAME STATE-FOLDER TOOLS-FOLDER
set -e
kind=$1 name=$2 state=$3 tools=$4

# still the machine's /proc: the pid by which the machine knows us
read -r pid rest </proc/self/stat
mount -t proc proc /proc
echo "$name" >/proc/sys/kernel/hostname
# NETCTL_TOOLS: done already for the whole test run
[ -z "$tools" ] || [ -n "$NETCTL_TOOLS" ] || mount -t overlay -o "ro,lowerdir=/usr:$tools/usr" netctl-tools /usr

# cgroups exactly as the machine has them: mounting v1 controllers would take them out of a v2 tree
mkdir -p "$state/mnt"
mount --rbind /sys/fs/cgroup "$state/mnt"
mount -t sysfs sysfs /sys
mount --rbind "$state/mnt" /sys/fs/cgroup
umount -l "$state/mnt"

if [ "$kind" = host ]; then
  mkdir -p "$state/etc" "$state/etc-work" "$state/varlib" "$state/varlib-work" "$state/docker" "$state/netctl"
  mount -t overlay -o "lowerdir=/etc${tools:+:$tools/etc},upperdir=$state/etc,workdir=$state/etc-work" host-etc /etc
  mount -t overlay -o "lowerdir=/var/lib,upperdir=$state/varlib,workdir=$state/varlib-work" host-var-lib /var/lib
  if [ ! -e "$state/booted" ]; then
    rm -rf /etc/docker /etc/netns /etc/resolv.conf
    mkdir -p /etc/docker /etc/netns /var/lib/docker /var/lib/netctl
    echo 'nameserver 203.0.113.7' >/etc/resolv.conf
    : >"$state/booted"
  fi
  # not on the overlay: an engine's own overlays cannot lie on one
  mount --bind "$state/docker" /var/lib/docker
  mount --bind "$state/netctl" /var/lib/netctl
fi
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock /run/docker/plugins
# what the first `ip netns add` would do, so that it makes no difference to a snapshot
mount --bind /run/netns /run/netns
mount --make-shared /run/netns

ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_forward

echo "$pid"
exec >/dev/null 2>&1
while :; do sleep infinity & wait $! || :; done
