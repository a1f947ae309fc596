"""Samples the device: one file per source, each of which may be absent, denied or wrong."""
