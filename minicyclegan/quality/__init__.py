"""What `minicyclegan evaluate` prints and keeps around `evaluation`."""
