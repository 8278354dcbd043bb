"""Files: run folders, line logs, frames, YAML, locks. What is on disk is read and written here."""
