"""Output of cells: messages, progress, text formats and details."""
