"""Mathematics with no shop in it; numbers in, values out."""
