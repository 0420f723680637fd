"""What people and their tools hear of the runs: notices, metrics, lineage. None of it holds a document's text."""
