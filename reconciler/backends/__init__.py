"""Sources of licensing state behind one protocol, chosen by URL scheme."""

from reconciler.backends.opening import open_backend

__all__ = ["open_backend"]
