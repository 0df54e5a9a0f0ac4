"""From a feature matrix to a registered model version: search, ensemble, gates, tracking."""
