"""What a stack costs in a month, at least and at most: `python -m ops.cost`."""
