"""Bundles: a catalogue of models, how they come to this device, and where they lie on it."""
