#!/bin/sh
# Powers a server on: what is left of it is systemd, as PID 1 of what a container is made of, on a disk of its own.
#   boot.sh NAME ROOT[:ROOT] FOLDER     in the network namespace NAME; FOLDER: upper, work, root, docker, containerd
set -eu

# NAME FILE: a group of its own below ours, in every hierarchy: it is the root of what the server sees. FILE tells them.
join_groups() {
  : >"$2"
  while IFS=: read -r _ controllers path; do
    [ -n "$controllers" ] || controllers=unified
    group=/sys/fs/cgroup/${controllers#name=}$path/$1
    echo "$group" >>"$2"
    mkdir -p "$group"
    case $controllers in cpuset) # empty ones take no process
      cat "$group/../cpuset.cpus" >"$group/cpuset.cpus"
      cat "$group/../cpuset.mems" >"$group/cpuset.mems" ;;
    esac
    echo $$ >"$group/cgroup.procs"
  done </proc/self/cgroup
}

# ROOT[:ROOT] FOLDER
mount_disk() {
  mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
  cd "$2/root"
  mount --bind "${1##*:}/../debs" srv/debian
  # An engine's layers do not lie on another overlay.
  mkdir -p var/lib/docker var/lib/containerd
  mount --bind "$2/docker" var/lib/docker
  mount --bind "$2/containerd" var/lib/containerd
}

# The network's settings are its own; all others are this host's.
mount_kernel() {
  mount -t proc -o nosuid,noexec,nodev proc proc
  mount --bind proc/sys/net proc/sys/net
  mount --rbind proc/sys proc/sys
  mount -o remount,bind,ro proc/sys
  mount -t sysfs -o nosuid,noexec,nodev,ro sysfs sys
  mount -t tmpfs -o mode=755,nosuid tmpfs sys/fs/cgroup
  # systemd would do most of it, and look for cpu and cpuacct in one where this host may have two.
  while IFS=: read -r _ controllers _; do
    at=sys/fs/cgroup/${controllers#name=}
    case $controllers in
      '') mkdir "${at}unified" && mount -t cgroup2 cgroup2 "${at}unified" ;;
      name=*) mkdir "$at" && mount -t cgroup -o "none,$controllers" cgroup "$at" ;;
      *) mkdir "$at" && mount -t cgroup -o "$controllers" cgroup "$at" ;;
    esac
  done </proc/self/cgroup
}

mount_devices() {
  mount -t tmpfs -o mode=755,nosuid tmpfs dev
  mknod -m 666 dev/null c 1 3 && mknod -m 666 dev/zero c 1 5 && mknod -m 666 dev/full c 1 7
  mknod -m 666 dev/random c 1 8 && mknod -m 666 dev/urandom c 1 9 && mknod -m 666 dev/tty c 5 0
  mkdir dev/pts dev/shm dev/mqueue
  ln -s /proc/self/fd dev/fd && ln -s /proc/self/fd/0 dev/stdin && ln -s /proc/self/fd/1 dev/stdout
  ln -s /proc/self/fd/2 dev/stderr && ln -s pts/ptmx dev/ptmx && ln -s null dev/console
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
  mount -t mqueue mqueue dev/mqueue
  mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
}

if [ "$1" != --inside ]; then
  join_groups "$1" "$3/groups"
  # Not `ip netns exec`: that mounts a /sys in which there are no groups.
  exec nsenter --net="/run/netns/$1" unshare --mount --uts --ipc --cgroup --pid --fork --kill-child "$0" --inside "$2" "$3"
fi
mount_disk "$2" "$3"
mount_kernel
mount_devices
mkdir run/old
pivot_root . run/old
umount -l run/old
rmdir run/old
exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /sbin/init systemd.show_status=0
