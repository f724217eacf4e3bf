"""Static files under names that carry a digest of their content: a browser keeps them for good."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

_MODULES = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Names from the manifest that `collectstatic` writes, and plain names where there is none.

    What was collected earlier is not cleared: a page from before an upgrade, still open in a
    browser, finds its scripts.
    """

    # Our modules import each other by name, so names within them are replaced as well. Files of
    # other packages stay as they are: some name modules that the package does not carry.
    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("feedback/*.js", _MODULES[1]))

    def stored_name(self, name: str) -> str:
        """Return the name with its digest; without a manifest the finders serve the plain one."""
        return super().stored_name(name) if self.hashed_files else name
