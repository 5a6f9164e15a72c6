"""Attach volumes on another host: the same modules run there, sent through an execnet gateway."""
