"""The simulator: a driver with state, latency and faults."""
