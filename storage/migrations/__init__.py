"""The numbered steps of the schema; each one is kept for good."""
