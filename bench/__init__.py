"""Measurements against labelled tables and peers; run from a clone, never imported by the product."""
