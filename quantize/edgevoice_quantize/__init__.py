"""Makes bundles smaller and faster, and measures what each one lost."""
