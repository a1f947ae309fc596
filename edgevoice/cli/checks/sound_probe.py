"""Says which sound devices PortAudio sees, and which a talk would take. Runs by itself.

Arguments: the microphone and the loudspeaker of the settings, as JSON.
"""

import json
import sys
from typing import Any


def main() -> None:
    """Print one object: ``devices``, ``input`` and ``output``, or ``error``."""
    try:
        import sounddevice
    except ImportError:
        print(json.dumps({"error": "package"}))
    except OSError:  # so it reports that its C library is absent
        print(json.dumps({"error": "library"}))
    else:
        print(json.dumps(_seen(sounddevice)))


def _seen(sounddevice: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {"devices": list(sounddevice.query_devices())}
    for kind, wanted in zip(("input", "output"), map(json.loads, sys.argv[1:3]), strict=True):
        try:
            seen[kind] = sounddevice.query_devices(None if wanted == "" else wanted, kind)
        except (ValueError, sounddevice.PortAudioError) as error:
            seen[kind] = {"error": str(error)}
    return seen


if __name__ == "__main__":
    main()
