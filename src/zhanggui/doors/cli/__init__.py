"""`zhanggui`: one file per command; `main.py` has the tree."""
