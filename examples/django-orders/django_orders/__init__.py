"""A whole small service on Django: see `../README.md`."""
