"""Tests; a package, so that no other package called `tests` in site-packages takes its place."""
