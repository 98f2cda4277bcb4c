"""The pages of the people in the photographs: no account, a link, two minutes."""
