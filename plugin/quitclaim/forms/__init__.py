"""Forms: what people are asked, and what is stated to them."""
