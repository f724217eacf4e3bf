"""Statistics that trainers and the site share: agreement, consensus, intervals, measures.

numpy only, and no knowledge of snapshots: arrays in, arrays out.
"""
