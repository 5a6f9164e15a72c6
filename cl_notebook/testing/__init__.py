"""Contract suites for drivers (:mod:`cl_notebook.testing.driver_contract`) and stores, run by pytest."""
