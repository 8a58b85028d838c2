"""License-as-code for Katalon organizations."""

__version__ = "0.1.0"
