"""Measurements against labelled tables and peers: run from a clone, no part of the product."""
