"""Turns checkpoints into bundles, each with a parity check."""
