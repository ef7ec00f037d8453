"""One training run on several processes or machines."""
