"""Passages and indexes of large corpora, on disk."""
