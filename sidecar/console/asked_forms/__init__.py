"""`/console/forms`: what people are asked: kept, compared, and written with a preview beside it."""
