"""The same result, or what differs: `minicyclegan repro`."""
