"""A night's work: dividing a day, tagging a shard, and the books that make each document answered exactly once."""
