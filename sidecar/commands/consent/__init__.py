"""Commands about quitclaims and the forms that people sign."""
