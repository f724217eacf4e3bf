"""Consensus, agreement, reliability, sequential tests, measures; numpy only."""
