"""Every Celery task of the app, imported where Celery looks for them."""
