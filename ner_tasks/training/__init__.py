"""Training: configuration, batches, the training step, checkpoints, calibration and hyperparameter search."""
