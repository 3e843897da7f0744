"""How much: what a lead is worth if it is won, and what may be expected of it before."""
