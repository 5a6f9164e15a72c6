"""What is tracked, against what others know of the same storage."""
