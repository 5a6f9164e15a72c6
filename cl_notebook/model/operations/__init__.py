"""Run operations: write the intent to the store, call the driver, write the outcome."""
