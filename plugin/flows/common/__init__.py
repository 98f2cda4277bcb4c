"""What every other street uses."""
