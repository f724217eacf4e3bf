"""The bulk form of the write path: files of public data become rows of the pool."""
