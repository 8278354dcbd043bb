"""Frameworks and tools that people already use, a file each; each needs the extra of its name."""
