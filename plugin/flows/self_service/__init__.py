"""What a person does on their own page: see, stop, object, ask to be forgotten."""
