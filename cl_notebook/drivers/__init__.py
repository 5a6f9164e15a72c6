"""Storage drivers. They do not use the store, the tracked objects or the notebook."""
