"""The IPython wing: magics, their completion and the display of progress. Nothing here is loaded before ``%load_ext``."""
