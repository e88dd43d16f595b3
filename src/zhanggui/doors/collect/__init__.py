"""The shop's own pages tell here what visitors did: page opened, product seen, put into the cart, shared."""
