"""By audience: parse, call one command or query, render one page."""
