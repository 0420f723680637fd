"""One module per format: `read(data, limits, declared="")` takes a whole file and returns an `Extract`."""
