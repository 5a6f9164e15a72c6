"""cinderlib's names, provided by :mod:`cl_notebook.cinderlib`, which takes the place of this module."""

import sys

from cl_notebook import cinderlib

sys.modules.pop(__name__, None)
cinderlib.install()
