"""From verdicts to numbers: scoring, estimates, reading the scores of a run, and what may be compared."""
