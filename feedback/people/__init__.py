"""Contributors, raters, consent, keys and the audit trail."""
