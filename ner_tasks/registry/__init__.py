"""What is done with registered versions: promoting and going back, where they come from, cards, clearing up."""
