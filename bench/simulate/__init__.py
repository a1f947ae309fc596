"""An hour of talk on a device that is not here."""
