"""Takes so many MB of memory and keeps them until it is ended; ``python -m bench.eater MB``."""

from __future__ import annotations

import signal
import sys

PAGE = 4096


def main() -> None:
    """Take it at once, as a browser with a new page does."""
    taken = bytearray(int(float(sys.argv[1]) * 1e6))
    for start in range(0, len(taken), PAGE):
        taken[start] = 1
    signal.pause()


if __name__ == "__main__":
    main()
