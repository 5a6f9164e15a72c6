#!/bin/bash
# The first process of a user-mode Linux whose root is the host's: puts a throw-away layer over it, so that nothing that the guest
# does reaches the host, and goes on in there. The kernel hands over what stands on its command line as environment: guest_folder.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
trap 'echo "the guest ends"; echo o >/proc/sysrq-trigger; sleep 60' EXIT
set -e

mount -t proc proc /proc
mount -t tmpfs run /run
insmod "/usr/lib/uml/modules/$(uname -r)/kernel/fs/overlayfs/overlay.ko"
mkdir /run/upper /run/work /run/root
mount -t overlay overlay -o lowerdir=/,upperdir=/run/upper,workdir=/run/work /run/root

cd /run/root
mount -t proc proc proc
mount -t sysfs sys sys
mount -t devtmpfs dev dev
mkdir -p dev/pts dev/shm
mount -t devpts pts dev/pts
mount -t tmpfs shm dev/shm
mount -t tmpfs run run
mkdir -p lib/modules run/results run/lock
mount --bind /usr/lib/uml/modules lib/modules
mount -t hostfs -o "$guest_folder/results" results run/results
chroot . /bin/bash "$guest_folder/scripts/main.sh"
