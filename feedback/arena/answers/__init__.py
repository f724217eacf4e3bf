"""Answers as rows: who can give one, recorded ones, writing them, and streaming them to pages."""
