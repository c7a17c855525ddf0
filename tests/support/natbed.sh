#!/usr/bin/env bash
# Two hosts behind two NAT routers, and a small internet between them with one STUN and TURN server.
#
#   natbed.sh --a KIND --b KIND [--lifetime SECONDS]     stands until its standard input closes
#   natbed.sh --check                                    exits 0 if this machine can make such a bed
#
# KIND  none     a public address, no filter
#       full     endpoint-independent mapping and filtering ("full cone")
#       addr     endpoint-independent mapping, filter by the other's address
#       port     endpoint-independent mapping, filter by the other's address and port: the common home router
#       sym      another random port for every destination ("symmetric")
#       blocked  no UDP at all; TCP goes through
#
# When it stands it prints one JSON line: {"a":[…],"b":[…],"internet":[…],"stun":"HOST:PORT",
# "turn":"USER:PASSWORD@HOST:PORT"}; "a", "b" and "internet" are command prefixes that run a program there.
#
# Nothing here has a name or a place outside: every network namespace belongs to a process of this script and vanishes
# with it, so any number of beds stand side by side. It needs root, or user namespaces open to everybody.
set -euo pipefail

fail() { printf 'natbed: %s\n' "$*" >&2; exit 1; }

kind_a=port kind_b=port lifetime=120 inside= check=
while [ $# -gt 0 ]; do
  case $1 in
    --a) kind_a=$2; shift 2 ;;
    --b) kind_b=$2; shift 2 ;;
    --lifetime) lifetime=$2; shift 2 ;;
    --check) check=yes; shift ;;
    --inside) inside=$2; shift 2 ;;
    *) fail "unknown argument $1; the head of this file explains the others" ;;
  esac
done

if [ -z "$inside" ]; then # once more, in a network namespace of our own: the internet
  user=() as=root
  if [ "$(id -u)" != 0 ]; then user=(--user --map-root-user) as=user; fi
  exec unshare "${user[@]}" --net --kill-child --fork "$0" ${check:+--check} --inside $as \
    --a "$kind_a" --b "$kind_b" --lifetime "$lifetime"
fi

declare -A pid_of
scratch=$(mktemp -d)
server=
clean_up() {
  local name
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  for name in "${!pid_of[@]}"; do kill "${pid_of[$name]}" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 143' TERM INT HUP

node() { # NAME: a network namespace, alive as long as its sleeping process, which dies with this script
  setpriv --pdeathsig KILL unshare --net sleep infinity </dev/null >/dev/null 2>&1 &
  pid_of[$1]=$!
  for _ in $(seq 100); do
    [ "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)" ] && [ "$(cat "/proc/$!/comm")" = sleep ] && break
    sleep 0.02
  done
  on "$1" ip link set lo up
}
on() { local name=$1; shift; nsenter --target "${pid_of[$name]}" --net -- "$@"; }
set_value() { on "$1" sh -c "echo $3 > /proc/sys/net/$2"; }

nat_rules() { # KIND
  local forward= prerouting= postrouting='oifname "wan" masquerade'
  local remember='oifname "wan" meta l4proto udp update @mapped { udp sport : ip saddr }'
  local unsolicited='iifname "wan" ct state new ct status & dnat == 0 drop'
  case $1 in
    none) unsolicited= postrouting= ;;
    full)
      forward=$remember
      prerouting='iifname "wan" meta l4proto udp dnat ip to udp dport map @mapped' ;;
    addr)
      forward="$remember
      oifname \"wan\" meta l4proto udp update @contacted { ip daddr . udp sport }"
      prerouting='iifname "wan" meta l4proto udp ip saddr . udp dport @contacted dnat ip to udp dport map @mapped' ;;
    port) ;;
    sym) postrouting="oifname \"wan\" meta l4proto udp masquerade fully-random
      $postrouting" ;;
    blocked) forward='meta l4proto udp drop' ;;
    *) fail "no NAT kind $1; there are: none full addr port sym blocked" ;;
  esac
  # What comes unasked is dropped before the router's own stack sees it: else connection tracking would remember the
  # port pair, and the inside host's packet to that very peer would leave from another port.
  cat <<RULES
table ip nat_router {
  map mapped { type inet_service : ipv4_addr; flags dynamic, timeout; timeout ${lifetime}s; size 4096; }
  set contacted { type ipv4_addr . inet_service; flags dynamic, timeout; timeout ${lifetime}s; size 4096; }
  chain input { type filter hook input priority filter;
    iifname "wan" ct state new meta l4proto { udp, tcp } drop
  }
  chain forward { type filter hook forward priority filter;
    $forward
    $unsolicited
  }
  chain prerouting { type nat hook prerouting priority dstnat;
    $prerouting
  }
  chain postrouting { type nat hook postrouting priority srcnat;
    $postrouting
  }
}
RULES
}

side() { # a|b NUMBER KIND
  local host=host_$1 router=router_$1 number=$2 kind=$3 lan=192.168.$2
  [ "$kind" != none ] || lan=198.51.$((100 + number))
  node "$router"
  node "$host"
  ip link add "port_$1" type veth peer name wan netns "${pid_of[$router]}"
  ip link set "port_$1" master street up
  on "$router" ip link add lan type veth peer name eth0 netns "${pid_of[$host]}"
  on "$router" ip link set wan up
  on "$router" ip link set lan up
  on "$host" ip link set eth0 up
  on "$router" ip address add "203.0.113.1$number/24" dev wan
  on "$router" ip address add "$lan.1/24" dev lan
  on "$router" ip route add default via 203.0.113.1
  on "$host" ip address add "$lan.2/24" dev eth0
  on "$host" ip route add default via "$lan.1"
  [ "$kind" != none ] || ip route add "$lan.0/24" via "203.0.113.1$number"
  set_value "$router" ipv4/ip_forward 1
  nat_rules "$kind" >"$scratch/$1.nft"
  on "$router" nft -f "$scratch/$1.nft" || fail "nft does not take the rules of $kind"
  for timeout in udp_timeout udp_timeout_stream; do
    set_value "$router" "netfilter/nf_conntrack_$timeout" "$lifetime" 2>/dev/null || true
  done
}

ip link set lo up
if [ -n "$check" ]; then
  node probe
  nat_rules port >"$scratch/check.nft"
  on probe nft -f "$scratch/check.nft"
  set_value probe ipv4/ip_forward 1
  exit 0
fi

ip link add street type bridge
ip link set street up
ip address add 203.0.113.1/24 dev street
ip address add 203.0.113.2/24 dev street
# Packets to private addresses vanish here as they do on the real internet, without an error to the sender.
ip neighbour add 203.0.113.254 lladdr 02:00:00:00:00:fe dev street nud permanent
ip route add default via 203.0.113.254
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv4/conf/all/send_redirects
side a 1 "$kind_a"
side b 2 "$kind_b"

setpriv --pdeathsig KILL turnserver -n -L 203.0.113.1 -p 3478 --lt-cred-mech -u owndir:secret -r bed --no-tls --no-dtls \
  --no-cli --min-port 50000 --max-port 50999 --simple-log --log-file "$scratch/turn.log" --pidfile "$scratch/turn.pid" \
  --userdb "$scratch/turn.db" </dev/null >"$scratch/turn.out" 2>&1 &
server=$!
for _ in $(seq 100); do
  if ss -Hlun | grep -q '203.0.113.1:3478'; then break; fi
  kill -0 "$server" 2>/dev/null || { tail -n 3 "$scratch/turn.out" >&2; fail "turnserver ended at once"; }
  sleep 0.05
done

prefix() { # PID, as JSON
  local user=
  [ "$inside" = root ] || user='"--user","--preserve-credentials",'
  printf '["nsenter","--target","%s",%s"--net","--"]' "$1" "$user"
}
printf '{"a":%s,"b":%s,"internet":%s,"stun":"203.0.113.1:3478","turn":"owndir:secret@203.0.113.1:3478"}\n' \
  "$(prefix "${pid_of[host_a]}")" "$(prefix "${pid_of[host_b]}")" "$(prefix $$)"
cat >/dev/null # until whoever started this closes our input
