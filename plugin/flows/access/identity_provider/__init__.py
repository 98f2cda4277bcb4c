"""Who comes by the identity provider, and to which collections groups are limited."""
