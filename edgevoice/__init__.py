"""edgevoice: a voice assistant that runs wholly on the device."""

import os

__version__ = "0.1.0"

# From 1.29 on, onnxruntime's own packages report to their makers over the network and keep a
# device id in the user's cache, unless this is set before they are loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# The lanes are the threads of this program; a matrix of numpy's is too small to be worth two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Threads of OpenMP sleep while they wait. When they spin instead, which is its default, two of
# llama.cpp's beside another busy one fall to a tenth of their speed.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
