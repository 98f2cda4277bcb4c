"""What prints our figures. A module with `run(workshop)` that yields figures is a bench."""
