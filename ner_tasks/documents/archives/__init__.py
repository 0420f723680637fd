"""Archives: each file in them as a stream, counted while it unpacks."""
