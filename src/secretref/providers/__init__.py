"""Providers: where values come from. The protocols, and ``load`` by name or URL."""
