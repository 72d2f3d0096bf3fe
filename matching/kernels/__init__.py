"""Comparator kernels, by what they compare."""
