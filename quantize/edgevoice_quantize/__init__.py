"""Makes bundles smaller, and measures what each one lost."""
