"""What a training is made of: its batches, its steps, its checkpoints, where it starts, what it forgets, its search."""
