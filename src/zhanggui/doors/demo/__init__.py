"""The demo's own door: one click signs in to the demo shop. It exists only in the demo profile."""
