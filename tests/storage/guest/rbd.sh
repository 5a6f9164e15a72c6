# The kernel's own client of Ceph, which makes devices of images, and its cipher: the kernel does not find modules by itself here.
modprobe -a rbd cbc
