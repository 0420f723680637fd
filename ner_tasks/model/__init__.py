"""The token classifier: tokenization, model, inference graph, decoding, and the model folder."""
