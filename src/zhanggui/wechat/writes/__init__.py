"""Calls that change something outside: the shop, a customer's phone, money. Only the outbound room may import this package."""
