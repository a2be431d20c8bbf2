"""One adapter for each driver. Each imports its driver, so none is imported before a connection of it is at hand."""
