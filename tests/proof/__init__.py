"""What tests prove: the features of the platform, the marker that ties tests to them, and the tables of the docs."""
