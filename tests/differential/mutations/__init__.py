"""What is done to requests. Each is one idea, with the forms that it has."""

from mutations import body, entries, headers, secret, signed, tag
from mutations.registry import ALL

__all__ = ["ALL", "body", "entries", "headers", "secret", "signed", "tag"]
