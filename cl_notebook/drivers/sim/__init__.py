"""The simulator: a driver with latency and faults on demand, for learning, demos and tests."""
