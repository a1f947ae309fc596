"""``python -m edgevoice`` is ``edgevoice``."""

import sys

from edgevoice.cli import main

sys.exit(main())
