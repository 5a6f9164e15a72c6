# A volume group in a file, the kernel's iSCSI target, and this host's iSCSI initiator.
mkdir -p /etc/target /var/target/pr /run/lock/iscsi /etc/iscsi/nodes /etc/iscsi/send_targets
modprobe -a loop dm-mod dm-thin-pool dm-snapshot configfs target_core_mod target_core_iblock iscsi_target_mod iscsi_tcp sd_mod
mount -t configfs config /sys/kernel/config
echo InitiatorName=iqn.2005-03.org.open-iscsi:guest >/etc/iscsi/initiatorname.iscsi
iscsid
truncate --size=10G /volumes.img
vgcreate --quiet cinder-volumes "$(losetup --find --show /volumes.img)"
