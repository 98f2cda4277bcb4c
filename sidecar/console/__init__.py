"""The pages of the staff, under /console: they show what flows say and hand decisions on; no rule lives here."""
