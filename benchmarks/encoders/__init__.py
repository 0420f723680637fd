"""Compare the logits of every encoder family with those of PyTorch transformers, on checkpoints with random weights.

checkpoints   configurations, and weights drawn from a tensor's name
reference     in the peers' environment: checkpoints and the logits of transformers
__main__      in ours: the same logits by our model and its frozen graph
"""
