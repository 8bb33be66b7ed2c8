"""Versions of an artifact as small deltas, given back byte for byte."""
