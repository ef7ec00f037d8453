"""A trained model for people without Python: the app, and ONNX."""
