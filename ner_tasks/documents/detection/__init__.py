"""Which format a file has, and what is no document at all."""
