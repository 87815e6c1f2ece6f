"""Checks of a whole installation, one concept a file. Each yields findings, and every finding that is not well says
what to do about it. No check changes anything, and a part that is down is a finding, never an exception.
"""
