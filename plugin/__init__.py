"""The domain of FaceLease: recognition, consent and the DAM, without a web server or a scheduler."""
