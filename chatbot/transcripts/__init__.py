"""Past conversations in: a reader a vendor, cleaning, and distilling into passages."""
