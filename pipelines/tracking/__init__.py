"""What MLflow is told of a result, in its users' terms, and the store that it lies in."""
