"""The data sets that a run can name, how they are downloaded, and what to check before training on your own."""
