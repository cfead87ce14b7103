"""Generation compared: every method on equal terms, nine tasks, one set of tables."""
