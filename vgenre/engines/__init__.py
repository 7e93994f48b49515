"""What runs a model: OpenVINO needs the core install, TensorFlow and the export ``[train]``."""
