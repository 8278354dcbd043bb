"""`python -m rageval`: the command line."""

from rageval.cli.app import main

if __name__ == "__main__":
    main()
