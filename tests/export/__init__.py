"""Of the toolchain's first half: checkpoints to bundles."""
