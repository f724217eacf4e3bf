"""The commands of `python -m trainers`; a kind's own code is imported when it is asked for."""
