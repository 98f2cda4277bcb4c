"""Consents that exist elsewhere: a table, a folder of PDFs, ResourceSpace's consentmanager.

`tables` reads files, `lines` and `forms` turn what was read into entries, `judging` says what would
become of each, `carrying` carries out the good ones, `reports` writes down what became of all.
"""
