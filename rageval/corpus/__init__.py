"""Documents: files read into a benchmark folder, what hurts retrieval found, and a cleaned copy written."""
