"""What cells show: messages, progress, formats, details."""
