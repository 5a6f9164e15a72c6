"""What the embedded driver and the simulator share: volumes as files in a folder."""
