"""One file per native library, each behind a Protocol of ``protocols.py``."""
