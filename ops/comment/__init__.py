"""One comment on all previews of a pull request: `python -m ops.comment`."""
