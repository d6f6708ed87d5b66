"""Thin Ray shells around plain classes, and the loop that joins them."""
