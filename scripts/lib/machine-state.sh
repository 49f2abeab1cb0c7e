# Prints what this project could change on a machine (or in a private host), a line a thing, in
# sections `== NAME`: the same text before and after means that nothing was left behind.
# POSIX sh; needs ip and, where there are rules, nft. NETCTL_STATE_PID: whose mounts are meant.

# What somebody has set on links, and addresses; no counters, timers and states that move by themselves,
# no link-local addresses, which the kernel gives some time after a link is up.
links() { # [-n NAMESPACE]
  ip "$@" -details -oneline link show | awk '{
    gsub(/\\/, " "); sub(/@[^ ]*:$/, ":", $2); gsub(/[<>]/, "", $3)
    sub(/,LOWER_UP/, "", $3); sub(/NO-CARRIER,/, "", $3)
    line = $2 " " $3
    for (i = 4; i <= NF; i++) {
      if ($i == "alias") { for (; i <= NF; i++) line = line " " $i }
      else if ($i == "maxmtu") { if ($(i + 2) != "addrgenmode") line = line " type " $(i + 2); i++ }
      else if ($i ~ /^(mtu|master|group|link-netns|hairpin|isolated|vlan_filtering|addrgenmode)$/ || $i ~ /^link\//) line = line " " $i " " $(i + 1)
    }
    print line
  }'
  ip "$@" -oneline address show | sed -E 's/^[0-9]+: //; s/\\.*//; s/ (tentative|dadfailed)//; s/ +/ /g; / inet6 fe80:/d'
}

echo '== links'
links | sort
for ns in $(ip netns list | cut -d' ' -f1 | sort); do links -n "$ns" 2>/dev/null | sort | sed "s|^|$ns: |"; done
echo '== namespaces'; ip netns list | cut -d' ' -f1 | sort
# what the kernel derives from an address comes and goes with it, a moment later
echo '== routes'; { ip route show table all; ip -6 route show table all; } | grep -vE ' table local |^multicast |^anycast ' | sed -E 's/ (expires|hoplimit|pref) [^ ]+//g; s/linkdown//; s/ +/ /g; /fe80:/d' | sort
echo '== rules'; { ip rule; ip -6 rule; } | sort
echo '== nftables'; if command -v nft >/dev/null; then nft list ruleset | sed -E 's/packets [0-9]+ bytes [0-9]+/packets N bytes N/g'; fi
# the legacy tables only where the kernel has them already: looking would make them; an empty one it never drops
for family in ip ip6; do
  echo "== ${family}tables-legacy"
  if grep -qs . "/proc/net/${family}_tables_names" && command -v "${family}tables-legacy-save" >/dev/null; then
    "${family}tables-legacy-save" | awk '/^\*/ { table = $1 } /^-A/ { print table, $0 } /^:/ && $2 != "ACCEPT" { print table, $1, $2 }'
  fi
done
echo '== mounts'; cut -d' ' -f4- "/proc/${NETCTL_STATE_PID:-self}/mountinfo" | sed -E 's/(shared|master|propagate_from):[0-9]+ //g; s/,uuid=on//' | sort
echo '== sockets'
# protocol, local address; the kernel's own tables, because ss may not be there. State 0A is LISTEN.
for table in tcp tcp6; do awk -v t=$table 'NR > 1 && $4 == "0A" { print t, $2 }' /proc/net/$table 2>/dev/null; done | sort
for table in udp udp6; do awk -v t=$table 'NR > 1 { print t, $2 }' /proc/net/$table 2>/dev/null; done | sort
echo '== files'
find /run/docker/plugins /run/netns /run/netctl /etc/netns /etc/docker /var/lib/netctl -mindepth 0 2>/dev/null | sort
echo '== sysctls'
for key in ipv4/ip_forward ipv6/conf/all/forwarding ipv6/conf/default/forwarding bridge/bridge-nf-call-iptables bridge/bridge-nf-call-ip6tables; do
  [ -e "/proc/sys/net/$key" ] && echo "$key $(cat "/proc/sys/net/$key")"
done
for conf in /proc/sys/net/ipv4/conf/* /proc/sys/net/ipv6/conf/*; do
  for key in forwarding route_localnet accept_ra rp_filter; do
    [ -e "$conf/$key" ] && echo "${conf#/proc/sys/net/}/$key $(cat "$conf/$key")"
  done
done
true
