"""账本: what the world told us, recorded once, by the platform's ids."""
