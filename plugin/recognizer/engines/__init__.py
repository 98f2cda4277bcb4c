"""Networks that detect and encode faces: their weights and distance thresholds."""
