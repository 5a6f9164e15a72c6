"""cinderlib's own functional tests, as its wheel has them, with ``import cinderlib`` answered by cl_notebook.

Not collected by itself: ``suite.py`` runs it in a process of its own, configured by the environment.
"""

from __future__ import annotations

from cl_notebook import cinderlib
from tests.cinderlib.suite import WHEEL

cinderlib.install()
cinderlib.__path__.append(str(WHEEL / "cinderlib"))  # after our own modules: cinderlib.tests is found there, and nothing else

from cinderlib.tests.functional.test_basic import BackendFunctBasic, BaseFunctTestCase  # noqa: E402 - our cinderlib comes first

__all__ = ["BackendFunctBasic", "BaseFunctTestCase"]
