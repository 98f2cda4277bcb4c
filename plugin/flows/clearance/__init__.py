"""May this photograph be used, on this channel, today?"""
