"""For those who write drivers: :mod:`cl_notebook.testing.driver_contract` is the suite that every driver passes."""
