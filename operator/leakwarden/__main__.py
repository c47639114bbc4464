"""`leakwarden …` and `python -m leakwarden …`."""

from leakwarden.cli import main

if __name__ == "__main__":
    main()
