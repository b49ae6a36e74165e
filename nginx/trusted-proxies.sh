#!/bin/sh
# Writes for nginx which proxies it trusts, and which addresses stand for many clients. The image of nginx runs this script at
# startup, from /docker-entrypoint.d, before nginx reads parts/client-address.conf. With --check it only checks TRUSTED_PROXIES.
#   TRUSTED_PROXIES   IPv4 and IPv6 addresses and networks; `gateway` stands for the proxies on this machine
#   BIND              the address of this machine on which Docker publishes the port
set -eu

proxies=$(printf '%s\n' "${TRUSTED_PROXIES:-}" | tr -s ', \t\n' '\n' | sed '/^$/d')

# The first entry that is no address and no network. A network of /0 is not usable: nginx would trust every client.
malformed=$(printf '%s\n' "$proxies" | awk '
  function is_ipv4(text,  part, count, i) {
    count = split(text, part, ".")
    for (i = 1; i <= count; i++) if (part[i] !~ /^[0-9]+$/ || length(part[i]) > 3 || part[i] > 255) return 0
    return count == 4
  }
  function is_ipv6(text,  part, count, i, groups, shortened) {
    shortened = sub(/::/, ":z:", text)
    sub(/^:z/, "z", text)
    sub(/z:$/, "z", text)
    count = split(text, part, ":")
    for (i = 1; i <= count; i++) {
      if (part[i] == "z") continue
      if (i == count && is_ipv4(part[i])) groups += 2
      else if (part[i] ~ /^[0-9a-fA-F]+$/ && length(part[i]) <= 4) groups++
      else return 0
    }
    return shortened ? groups < 8 : groups == 8
  }
  function is_usable(entry,  part, count, most) {
    if (entry == "gateway") return 1
    count = split(entry, part, "/")
    most = is_ipv4(part[1]) ? 32 : is_ipv6(part[1]) ? 128 : 0
    if (count == 1) return most
    return count == 2 && part[2] ~ /^[0-9]+$/ && length(part[2]) <= 3 && part[2] >= 1 && part[2] <= most
  }
  $0 != "" && !is_usable($0) { print; exit }')

# Prints a log line in the format of nginx's log of requests: log LEVEL FIELDS MESSAGE
log() {
  printf '{"time":"%s","level":"%s","node":"nginx","event":"client_addresses",%s"msg":"%s"}\n' \
    "$(date -u +%Y-%m-%dT%H:%M:%S+00:00)" "$1" "$2" "$3"
}

if [ -n "$malformed" ]; then
  # Cut to 80 characters, and to those that are safe in a JSON string.
  malformed=$(printf %.80s "$malformed" | tr -c 'A-Za-z0-9.:/_-' '?')
  reason="TRUSTED_PROXIES: $malformed is not an IP address or a network. For example: TRUSTED_PROXIES='192.0.2.1 2001:db8::/48', or gateway for a proxy on this machine"
  if [ "${1:-}" = --check ]; then printf '%s\n' "$reason" >&2; else log fatal '' "$reason"; fi
  exit 1
fi
[ "${1:-}" != --check ] || exit 0

# Prints an IPv4 address from the kernel's hexadecimal form, in which the last byte comes first: 010012AC is 172.18.0.1
address_of() {
  set -- "$(printf %s "$1" | cut -c 7-8)" "$(printf %s "$1" | cut -c 5-6)" "$(printf %s "$1" | cut -c 3-4)" "$(printf %s "$1" | cut -c 1-2)"
  printf '%d.%d.%d.%d' "0x$1" "0x$2" "0x$3" "0x$4"
}
routes=${ROUTES:-/proc/net/route}
gateway=$(awk '$2 == "00000000" && $3 != "00000000" { print $3; exit }' "$routes")
[ -z "$gateway" ] || gateway=$(address_of "$gateway")
trusted=$(printf '%s\n' "$proxies" | sed "s/^gateway$/$gateway/; /^$/d" | sort -u)

case ${BIND:-127.0.0.1} in 127.* | ::1) is_local=1 ;; *) is_local=0 ;; esac
{
  for proxy in $trusted; do printf 'set_real_ip_from %s;\n' "$proxy"; done
  # shellcheck disable=SC2016 # the variables are nginx's
  printf 'geo $realip_remote_addr $is_trusted_proxy {\n  default 0;\n'
  for proxy in $trusted; do printf '  %s 1;\n' "$proxy"; done
  # If Docker publishes the port on a loopback address, every client is on this machine, except containers on nginx's networks.
  # shellcheck disable=SC2016
  printf '}\ngeo $realip_remote_addr $is_of_this_machine {\n  default %s;\n' "$is_local"
  [ -z "$gateway" ] || printf '  %s 1;\n' "$gateway"
  awk 'NR > 1 && $3 == "00000000" { print $2, $8 }' "$routes" | sort -u | while read -r network mask; do
    ones=$(printf %s "$mask" | sed 's/0//g; s/8/1/g; s/C/11/g; s/E/111/g; s/F/1111/g')
    printf '  %s/%d 0;\n' "$(address_of "$network")" "${#ones}"
  done
  printf '}\n'
} > "${OUTPUT:-/tmp/trusted-proxies.conf}"

if [ -n "$trusted" ]; then
  log info '"areShared":false,' "Client addresses are taken from X-Forwarded-For of TRUSTED_PROXIES"
elif [ "$is_local" = 1 ]; then
  log info '"areShared":true,' 'Published on a loopback address, all clients have the address of this machine and cannot be told apart. See docs/security.md'
else
  log info '"areShared":false,' "Clients are told apart by their IPv4 addresses; those of this machine, and IPv6 clients, share one"
fi
