"""Archives: their files as streams, counted while they unpack."""
