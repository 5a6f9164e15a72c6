"""The tree of backends, volumes, snapshots and connections, without a front end."""
