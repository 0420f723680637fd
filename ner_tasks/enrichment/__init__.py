"""Rules and look-ups behind the tagger: what an entity means, and where in its document it stands.

Each rule set is loaded from a YAML file, ours or a user's, and has a version of its own, which takes part in the key
of an answer. Nothing here reads a document or runs a model: texts, words and spans come in, facts about them go out.
"""
