# What a server is and has, for `sh -s -- FOLDER SETTINGS MODULES` on its stdin: a POSIX shell, and whatever else is
# there. It reads, and changes nothing. Each answer is a line `@@ NAME CODE LINES` and then as many lines.
main() {
  folder=$1 settings=$2 modules=$3
  export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin"
  limit=$(command -v timeout) && limit="$limit 10"
  root=
  if [ "$(id -u)" != 0 ]; then
    root='sudo -n --'
    ask sudo $root true
    $root true 2>/dev/null || root=
  fi
  ask login echo "$(id -u) $(id -un)"
  # client's address and port, this server's address and port
  ask connection echo "${SSH_CONNECTION:-}"
  ask os cat /etc/os-release
  ask machine uname -m
  ask kernel uname -r
  ask clock date +%s.%N
  ask synchronised timedatectl show -p NTPSynchronized --value
  ask synchronisable timedatectl show -p CanNTP --value
  ask systemd test -d /run/systemd/system
  ask meminfo cat /proc/meminfo
  ask processors grep -c ^processor /proc/cpuinfo
  engine
  packages
  disks
  network
  former
  firewall
  kernel_settings
  stack
}

# ask NAME COMMAND...: what it says on stdout, and its exit code; 127 where there is no such command
ask() {
  name=$1
  shift
  said=$($limit "$@" 2>/dev/null)
  tell "$name" $?
}

# as_root NAME COMMAND...: the same, as root where that can be had
as_root() {
  name=$1
  shift
  ask "$name" $root "$@"
}

tell() {
  if [ -z "$said" ]; then echo "@@ $1 $2 0"; return; fi
  echo "@@ $1 $2 $(printf '%s\n' "$said" | wc -l)"
  printf '%s\n' "$said"
}

packages() {
  for program in apt-get dnf yum; do
    command -v $program >/dev/null && { ask packages echo $program; break; }
  done
  # It says which are not there as well, and then ends with a code of its own.
  command -v dpkg-query >/dev/null &&
    ask debs dpkg-query -W -f '${db:Status-Status} ${Package}\n' docker.io docker-ce docker-compose docker-compose-v2 \
      docker-compose-plugin
  # It takes apt seconds, and what is there need not be installed.
  [ -n "$engine_version" ] && [ -n "$compose_version" ] && return
  command -v apt-cache >/dev/null &&
    ask candidates apt-cache policy docker.io docker-cli docker-compose-v2 docker-compose docker-ce docker-compose-plugin
  command -v rpm >/dev/null && ask installed rpm -q docker-ce docker-compose-plugin podman-docker
}

engine() {
  ask docker docker --version
  as_root engine docker version --format '{{.Server.Version}}'
  engine_version=$said
  as_root enginefolder docker info --format '{{.DockerRootDir}}'
  engine_folder=${said:-/var/lib/docker}
  as_root compose docker compose version --short
  compose_version=$said
  ask enginestarts systemctl is-enabled docker
  as_root containers docker ps -a --no-trunc --format \
    '{{.Names}}\t{{.Image}}\t{{.State}}\t{{.Status}}\t{{.Label "com.docker.compose.project"}}\t{{.Label "com.docker.compose.service"}}\t{{.ID}}\t{{.Label "com.docker.compose.oneoff"}}'
  as_root published docker ps --format '{{.Names}}\t{{.Ports}}'
}

disks() {
  for path in "$folder" "$engine_folder" /var/tmp; do
    at=$path
    while [ ! -e "$at" ]; do at=$(dirname "$at"); done
    said="$path
$($limit df -Pk "$at" 2>/dev/null | tail -n 1)
$($limit df -Pi "$at" 2>/dev/null | tail -n 1)"
    tell disk 0
  done
}

network() {
  # Without ss there are still the kernel's own lists, which name no programs.
  if command -v ss >/dev/null; then as_root listening ss -Hltunp
  else ask sockets cat /proc/net/tcp /proc/net/tcp6; fi
  ask addresses ip -o addr show scope global
  ask nginx sh -c 'nginx -v 2>&1'
  ask nginxruns systemctl is-active nginx
  ask nginxstarts systemctl is-enabled nginx
}

# Of what served before, what nobody sees on a port: what PM2 keeps running, and certbot's timers.
former() {
  as_root pm2 sh -c 'here=$(readlink /proc/self/ns/pid)
    for comm in $(grep -ls "^PM2 " /proc/[0-9]*/comm); do
      daemon=${comm%/comm}
      # A container has its own.
      [ "$(readlink "$daemon/ns/pid")" = "$here" ] || continue
      for child in $(cat "$daemon"/task/*/children); do tr "\0" " " <"/proc/$child/cmdline"; echo; done
    done'
  ask certbot systemctl list-unit-files --no-legend --no-pager --state=enabled 'certbot*.timer' 'snap.certbot*.timer'
}

firewall() {
  as_root firewalld firewall-cmd --state
  if [ "$said" = running ]; then
    # The default one, and that of the interface by which this laptop has come.
    device=$(echo "${SSH_CONNECTION:-}" | cut -d ' ' -f 3)
    device=$(ip -o addr show to "${device:-0.0.0.0}" 2>/dev/null | head -n 1 | cut -d ' ' -f 2)
    own=$($limit $root firewall-cmd "--get-zone-of-interface=$device" 2>/dev/null) || own=
    default=$($limit $root firewall-cmd --get-default-zone 2>/dev/null)
    [ "$own" != "$default" ] || own=
    for zone in $default $own; do
      ask zone echo "$zone"
      as_root zonenow firewall-cmd "--zone=$zone" --list-all
      as_root zonekept firewall-cmd --permanent "--zone=$zone" --list-all
    done
    as_root zones firewall-cmd --get-active-zones
    ask firewalldstarts systemctl is-enabled firewalld
  fi
  if command -v ufw >/dev/null; then
    as_root ufw ufw status verbose
    as_root ufwrules ufw show added
    as_root ufwstarts grep -i '^ENABLED=yes' /etc/ufw/ufw.conf
  fi
  as_root nft nft -j list ruleset
  as_root iptables iptables -S INPUT
  for file in /etc/nftables.conf /etc/sysconfig/nftables.conf; do
    [ -f $file ] || continue
    ask nftfile echo $file
    as_root nftfileholds cat $file
    as_root nftfilemode stat -c %a $file
    break
  done
  as_root nftkept cat /etc/twinedge/firewall.nft
  ask nftstarts systemctl is-enabled nftables
  # Of compose/laptop/firewall/retreat.ts.
  ask firewallback systemctl is-active twinedge-firewall-back.timer
}

kernel_settings() {
  for setting in $settings; do
    said=$(cat "/proc/sys/$(echo "$setting" | tr . /)" 2>/dev/null) && said="$setting = $said" && tell setting 0
  done
  ask algorithms cat /proc/sys/net/ipv4/tcp_available_congestion_control
  for module in $modules; do
    said="$module $(module_state "$module")"
    tell module 0
  done
  ask tuning cat /etc/sysctl.d/60-twinedge-link.conf
}

module_state() {
  if grep -q "^$1 " /proc/modules 2>/dev/null; then echo there
  elif grep -q "/$1\.ko" "/lib/modules/$(uname -r)/modules.builtin" 2>/dev/null; then echo 'built in'
  elif grep -q "/$1\.ko[.a-z0-9]*:" "/lib/modules/$(uname -r)/modules.dep" 2>/dev/null; then echo loadable
  elif [ -f "/lib/modules/$(uname -r)/modules.dep" ]; then echo absent
  else echo unknown; fi
}

stack() {
  as_root tool readlink "$folder/tool"
  as_root toolversion grep '"version"' "$folder/tool/package.json"
  as_root command readlink /usr/local/bin/twinedge
  # Of nothing that may hold a secret: a short one could be guessed from its hash.
  as_root files sh -c 'cd "$1" && sha256sum docker-compose.frontend.yml docker-compose.backend.yml' - "$folder"
  as_root modes sh -c 'cd "$1" && stat -c "%a %n" .env site' - "$folder"
  as_root before cat "$folder/site/before/edge"
  # Of the folder and all above it, as it is written and as it really is: owner, group, mode, name.
  as_root owners sh -c 'for at in "$1" "$(readlink -f "$1")"; do
    while [ -n "$at" ]; do
      [ -e "$at" ] && stat -L -c "%u %g %a %n" "$at"
      [ "$at" = / ] && break
      at=$(dirname "$at")
    done
  done' - "$folder"
  as_root record cat "$folder/site/bootstrap.json"
}

# The whole of it has been read by now, so that no command takes the rest of it for its own stdin.
main "$@" </dev/null
