"""One training on several processes or machines."""
