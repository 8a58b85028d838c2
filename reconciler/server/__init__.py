"""The embedded licensing server: store, rules and HTTP."""
