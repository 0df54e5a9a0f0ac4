"""What the feature engine costs, always beside a baseline that is measured in the same run."""
