"""Does: threads, sound, files, models."""
