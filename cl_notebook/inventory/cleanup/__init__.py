"""Removal of what is no longer needed, on a plan that is shown first."""
