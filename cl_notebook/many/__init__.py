"""The same act on many resources: which ones are meant, how they run side by side, and the report of each outcome."""
