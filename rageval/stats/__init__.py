"""Statistics over arrays."""

from rageval.stats.intervals import Interval, mean_interval

__all__ = ["Interval", "mean_interval"]
