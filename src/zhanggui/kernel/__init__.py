"""Words and tools every room shares; knows no room."""
