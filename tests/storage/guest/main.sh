# Within the guest: start what a storage node has running, then the tests.
# settings: stage (the script that starts it), command (what runs the tests), project (the folder that it runs in)
set -eu
export SYSTEMD_IGNORE_CHROOT=1  # udevadm does nothing in one otherwise
source "$guest_folder/settings"
trap 'udevadm control --exit || true; sync' EXIT

hostname guest
ip link set lo up
/lib/systemd/systemd-udevd --daemon
source "$guest_folder/scripts/$stage"
udevadm settle --timeout=60
echo "the guest is ready after $(cut -d' ' -f1 /proc/uptime) s"
cd "$project"
"${command[@]}" >/run/results/output 2>&1 || true
echo "the tests ended after $(cut -d' ' -f1 /proc/uptime) s"
