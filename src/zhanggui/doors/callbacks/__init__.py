"""WeChat's own door: pushes are verified, taken in and answered at once."""
