"""Running a model: from words to tags and probabilities, by the engine that suits the host."""
