"""The magics, one module for each noun."""
