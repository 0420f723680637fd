"""Configuration: the base of every configuration model, its command-line flags, and the default YAML files."""
