"""Decides. Pure: no clock, no file, no thread, no native library."""
