"""The review pages: a small web server over `mpi.review`. Only this package speaks HTTP."""
