"""The data sets that a run can name, how they come here, and what to look at before training on your own."""
