"""Where Chromium is on this machine."""

from __future__ import annotations

import shutil

# The headless shell is the same engine without windows, for a third of the CPU time.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
