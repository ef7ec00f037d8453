"""What `minicyclegan grade` does."""
