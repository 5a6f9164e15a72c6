"""The live tree: a widget, what it answers, and what can be done from it."""
