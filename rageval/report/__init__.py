"""Results for people: terminal and Markdown."""
