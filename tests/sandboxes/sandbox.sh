#!/bin/sh
# One process as a platform has it: network, PID, IPC and UTS namespaces of its own, a root that is
# read-only but for /app, /tmp and /dev/shm, and an ordinary user. It becomes the command.
#   sandbox.sh GATEWAY NAME ADDRESS HOST ROOT SLUG COMMAND...
# GATEWAY is the pid of whom the bridge belongs to; ROOT an empty directory; SLUG what /app is a
# copy of. From the environment, which the command does not see: DIRECTORIES of the machine that
# are shown beside the usual ones; USER_ID, the number of the user; OWNER, the same as seen from
# here; BECOME, what makes the command his.
set -eu
given=$PATH
PATH=$PATH:/usr/sbin:/sbin

connect() { # one end of the cable is ours, the other one is the bridge's
    ip link add eth0 type veth peer name "$2" netns "$1"
    nsenter --target "$1" --net ip link set "$2" master bridge up
    ip address add "$3/24" dev eth0
    ip link set eth0 up
    ip link set lo up
}

show() { # show DIRECTORY : of the machine, at the same place
    if [ -L "$1" ]; then
        cp -P "$1" "$root$1"
    elif [ -d "$1" ]; then
        mkdir -p "$root$1"
        mount --rbind "$1" "$root$1"
    fi
}

furnish() { # make the root
    mount -t tmpfs -o mode=755 root "$root"
    mkdir "$root/tmp" "$root/app" "$root/dev" "$root/proc" "$root/old"
    mount -t tmpfs -o mode=1777 tmp "$root/tmp"
    for directory in /bin /sbin /lib /lib32 /lib64 /usr /etc /sys $DIRECTORIES; do
        show "$directory"
    done
    printf 'root:x:0:0::/:/bin/sh\ndyno:x:%s:%s::/app:/bin/sh\n' "$USER_ID" "$USER_ID" >"$root/passwd"
    mount --bind "$root/passwd" "$root/etc/passwd"
    protect
    mount -t tmpfs -o mode=755 dev "$root/dev"
    for device in null zero full random urandom tty; do
        : >"$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    mkdir "$root/dev/shm"
    mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 app "$root/app"
    cp -R --preserve=mode,timestamps "$slug/." "$root/app"
    chown -R "$OWNER:$OWNER" "$root/app"
}

protect() { # nothing that is the machine's may be written to, cgroups neither
    while read -r _ _ _ _ place options _; do
        case $place in
        "$root" | "$root/tmp") ;;
        "$root"/*) mount -o "remount,bind,ro,${options#r?,}" "$place" ;;
        esac
    done </proc/self/mountinfo
}

if [ "$1" != inside ]; then
    connect "$1" "$2" "$3"
    shift 3
    PATH=$given
    exec unshare --pid --fork --kill-child --mount --ipc --uts "$0" inside "$@"
fi
hostname "$2"
root=$3 slug=$4
shift 4
furnish
cd "$root"
pivot_root . old
umount -l /old
mount -o remount,bind,ro /
cd /app
become=$BECOME
unset DIRECTORIES USER_ID OWNER BECOME
PATH=$given
exec $become "$@"
