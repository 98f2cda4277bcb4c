"""The staff's pages about photographs."""
