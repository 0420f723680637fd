"""Nightly tagging: plans a day's shards, tags each shard, and records answers so that each document has exactly one."""
