"""Errors that a person reads: what is wrong, in numbers, then what to type."""


class EdgeVoiceError(Exception):
    """Says what is wrong, then what to do: ``str(error)`` is fit to print as it is."""

    exit_code = 1

    def __init__(self, problem: str, *, hint: str = "") -> None:
        """Keep ``problem`` and ``hint`` apart, so that a view may lay them out."""
        super().__init__(f"{problem}\n  Try: {hint}" if hint else problem)
        self.problem = problem
        self.hint = hint


class Misused(EdgeVoiceError):
    """The command line or a setting is wrong; nothing was started."""

    exit_code = 2


class ModelError(EdgeVoiceError):
    """A model file is absent, damaged or unsuitable."""


class ModelMissing(ModelError):
    """The bundle is known, but is not on this device."""

    def __init__(self, bundle: str) -> None:
        """Name the bundle and how to get it."""
        super().__init__(f"{bundle} is not on this device.", hint=f"edgevoice pull {bundle}")


class ModelDamaged(ModelError):
    """A file of a bundle is not the file that the manifest promises."""


class ModelDoesNotFit(ModelError):
    """The memory budget cannot hold the model."""

    def __init__(self, model: str, *, need_mb: float, free_mb: float, smaller: str = "") -> None:
        """Give both sides of the comparison in MB."""
        super().__init__(
            f"{model} needs {need_mb:.0f} MB and {free_mb:.0f} MB are free.",
            hint=smaller or "close other programs",
        )


class AudioError(EdgeVoiceError):
    """A sound device or a sound file cannot be used."""


class DownloadFailed(EdgeVoiceError):
    """A bundle could not be brought to this device."""


class BackendFailed(EdgeVoiceError):
    """A native library reported an error during a job."""


class BackendMissing(EdgeVoiceError):
    """The Python package behind a backend is not installed."""

    def __init__(self, package: str, *, extra: str = "") -> None:
        """Name the package and the extra that brings it, "" when every installation has it."""
        super().__init__(
            f"The Python package {package!r} is not installed.",
            hint=f"pip install 'edgevoice[{extra}]'" if extra else "pip install edgevoice",
        )
