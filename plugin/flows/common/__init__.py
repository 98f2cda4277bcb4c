"""What every other street leans on."""
