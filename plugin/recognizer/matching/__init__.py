"""Whose face is it, among those who agreed to be compared?"""
