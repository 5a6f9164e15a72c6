"""Operations: an intent in the store, a call of the driver, an outcome in the store."""
