"""What acts on storage. Knows nothing of the store, the objects or the notebook."""
