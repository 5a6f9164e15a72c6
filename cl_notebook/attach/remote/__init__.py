"""Attach on another host: the same modules, sent through an execnet gateway."""
