"""Other ways to compute the same step, quicker: each has the losses and gradients of `cyclegan`."""
