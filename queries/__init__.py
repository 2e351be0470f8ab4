"""The SQL of the archive, one file a question, and the way to ask it."""
