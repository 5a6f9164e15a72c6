# The kernel's NFS server, with the folder e of a file system of its own as the share 127.0.0.1:/e, and nothing but NFSv4.2.
modprobe -a loop nfsd nfs nfsv4
mkdir -p /exported /var/lib/nfs/rpc_pipefs /var/lib/nfs/v4recovery
truncate --size=8G /exported.img
mkfs.ext4 -q /exported.img
mount -o loop /exported.img /exported
mkdir --mode=777 /exported/e
mount -t nfsd nfsd /proc/fs/nfsd
exportfs -o rw,no_root_squash,insecure,fsid=0,no_subtree_check 127.0.0.1:/exported
rpc.nfsd --no-nfs-version 3 --grace-time 10 --lease-time 10 2
rpc.mountd --no-nfs-version 3
echo Y >/proc/fs/nfsd/v4_end_grace  # there are no clients from before, whose locks would be waited for
