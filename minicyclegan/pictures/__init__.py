"""Pictures in and out of files, and batches made ahead of the step that needs them."""
