"""Imports the modules that it is given, and says of each how that went. Runs by itself."""

import importlib
import json
import sys


def main() -> None:
    """Print a line per module, and what llama.cpp says of itself."""
    for name in sys.argv[1:]:
        error = system = ""
        try:
            module = importlib.import_module(name)
            if name == "llama_cpp":
                system = module.llama_print_system_info().decode()
        except Exception as failed:  # noqa: BLE001 - a library may raise anything here
            error = f"{type(failed).__name__}: {failed}"
        print(json.dumps({"module": name, "error": error, "system": system}), flush=True)


if __name__ == "__main__":
    main()
