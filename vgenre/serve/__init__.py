"""The report as a page that fills while films are labelled. Needs ``[serve]``."""
