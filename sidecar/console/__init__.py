"""The pages of the staff, under /console: they show what flows return and pass decisions on; no rules."""
