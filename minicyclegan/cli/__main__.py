"""`python -m minicyclegan.cli` is the command `minicyclegan`."""

from minicyclegan.cli import main

if __name__ == "__main__":
    main()
