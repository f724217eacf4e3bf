"""Forecast what a model does on benchmarks and topics where it has hardly been tried."""
