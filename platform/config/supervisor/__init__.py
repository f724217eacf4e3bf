"""The servers of `manage.py up`: started, watched, restarted and stopped by one process."""
