"""What a model's figures hide: how sure they are, where they are low, what is taken for what, which sentences are worst."""
