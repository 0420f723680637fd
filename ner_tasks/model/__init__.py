"""The tagger itself: pieces, model, graph, decoding, scores; from words to tags, and the folder that holds it."""
