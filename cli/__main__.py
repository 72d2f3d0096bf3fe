"""`python -m cli` is the `mpi` command."""

from cli.start import main

if __name__ == "__main__":
    main()
