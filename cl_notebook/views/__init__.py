"""Read-only: frames, rows, text and HTML. Nothing here makes tracked objects or changes anything."""
