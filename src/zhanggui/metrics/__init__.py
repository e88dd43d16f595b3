"""Every number of the shop, declared once."""
