"""Volumes as files in a folder: code that the local driver and the simulator share."""
