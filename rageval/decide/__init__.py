"""What is decided from scores: leaderboard, comparison, gate, preference, sweep, halving."""
