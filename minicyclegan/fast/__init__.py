"""Faster ways to compute the same step: each has the losses and gradients of `cyclegan`."""
