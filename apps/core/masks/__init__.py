"""What `apps.core.masking` recognises: one idea a file."""
