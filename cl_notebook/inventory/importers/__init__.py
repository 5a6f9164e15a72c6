"""Rows of cinderlib's and Cinder's databases, taken into the store."""
