"""Model registry: versions, promotion and rollback, provenance, model cards, retention."""
