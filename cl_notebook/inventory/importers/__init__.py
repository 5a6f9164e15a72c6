"""Import the rows of cinderlib's and Cinder's databases into the store."""
