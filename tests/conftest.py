"""Fixtures for all tests; those about buckets have a file of their own."""

pytest_plugins = ["store_fixtures"]
