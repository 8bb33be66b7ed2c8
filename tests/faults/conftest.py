"""Fixtures of the tests of faults; see `faults_fixtures`."""

from faults_fixtures import behind, s3_upstream, through

__all__ = ["behind", "s3_upstream", "through"]
