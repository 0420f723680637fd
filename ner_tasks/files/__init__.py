"""Files and folders: atomic writes, reads that do not follow links, bounded JSON, YAML and SQLite."""
