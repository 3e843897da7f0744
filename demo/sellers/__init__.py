"""Sellers of leads in the demo's world, some honest and some not, with the truth of each lead."""
