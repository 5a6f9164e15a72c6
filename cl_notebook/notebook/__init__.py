"""The IPython extension: magics, completion and progress; loaded by ``%load_ext cl_notebook`` only."""
