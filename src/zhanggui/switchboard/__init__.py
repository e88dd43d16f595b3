"""总机: the page that says what leads to what; no decisions in it."""
