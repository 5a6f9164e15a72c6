"""The embedded driver: sparse files, reflink snapshots, loop devices."""
