"""Pictures of the pages of documents, as they looked when they arrived."""
