"""What is tracked, against what others know of the same storage; and what is not needed any more, removed."""

from cl_notebook.inventory.cleaning import Plan, plan_cleanup
from cl_notebook.inventory.scratching import Scratch, scratch

__all__ = ["Plan", "Scratch", "plan_cleanup", "scratch"]
