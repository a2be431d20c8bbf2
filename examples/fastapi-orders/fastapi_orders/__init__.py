"""A whole small service on FastAPI: see `../README.md`."""
