"""What cinderlib had as commands."""
