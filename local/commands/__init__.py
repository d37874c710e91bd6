"""The commands behind `make`, one idea a module; `local/__main__.py` has their options."""
